package handlers

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/internal/lang"
	"latchkey/internal/model"
	"latchkey/views"
)

// replaces is which key the one takes the place of that a device is about to get, and when that may stop: as long as it takes for the old
// key to be quiet, "now", or "person". It is carried in addresses and forms from the choice to the approval; the zero value is none.
type replaces struct{ id, when string }

const (
	replacesField = "replaces"
	whenField     = "when"
)

// replacing is what two fields of the form for a replacement choose.
func replacing(id, finish, quiet string) replaces {
	if finish == views.FinishEvidence {
		return replaces{id, quiet}
	}
	return replaces{id, finish}
}

// replacesIn is what a request carries, none if that can be none.
func replacesIn(c echo.Context) replaces {
	r := replaces{c.FormValue(replacesField), cmp.Or(c.FormValue(whenField), views.Quiets[0].ID)}
	if !r.valid() {
		return replaces{}
	}
	return r
}

func (r replaces) valid() bool {
	_, ok := r.how()
	return ok && model.IsID(r.id)
}

// how is when the old key may stop.
func (r replaces) how() (model.Replacing, bool) {
	finish, quiet, ok := finishOf(r.when, "")
	if !ok {
		finish, quiet, ok = finishOf(views.FinishEvidence, r.when)
	}
	return model.Replacing{Finish: finish, Quiet: quiet}, ok
}

// on is a page of devices that knows of it.
func (r replaces) on(page string) string {
	if r.id == "" {
		return page
	}
	join := "?"
	if strings.Contains(page, "?") {
		join = "&"
	}
	return page + join + replacesField + "=" + r.id + "&" + whenField + "=" + r.when
}

// withoutReplaces takes it off again from an address in the one spelling that we use.
func withoutReplaces(page string) (bare string, r replaces) {
	i := strings.LastIndex(page, replacesField+"=")
	if i < 1 {
		return page, replaces{}
	}
	bare = page[:i-1]
	r.id, r.when, _ = strings.Cut(page[i+len(replacesField)+1:], "&"+whenField+"=")
	if !r.valid() || r.on(bare) != page {
		return page, replaces{}
	}
	return bare, r
}

// askedToReplace is the key that a request asks to replace, among all keys of the person, with what is true of it.
func (h *dashboard) askedToReplace(c echo.Context, keys []model.Key) (old model.Key, t views.Takes) {
	ctx, r := c.Request().Context(), replacesIn(c)
	if r.id == "" {
		return old, t
	}
	i := slices.IndexFunc(keys, func(key model.Key) bool { return key.ID == r.id })
	if i < 0 {
		return old, views.Takes{Then: lang.T(ctx, "replace.none.gone", "no other key: the one to replace is not there any more")}
	}
	if old = keys[i]; old.Replaced.Open() {
		return model.Key{}, views.Takes{Then: lang.T(ctx, "replace.none.already", "no other key: {new} is already replacing {old}",
			"new", old.Replaced.NewName, "old", old.Name)}
	}
	how := h.offered(r)
	return old, views.Takes{ID: r.id, When: r.when, Name: old.Name, Off: old.Disabled, Then: becomes(ctx, old.Disabled, how.Finish, how.Quiet)}
}

// offered is how a key is replaced, by its owner where the server does not turn keys off by itself.
func (h *dashboard) offered(r replaces) model.Replacing {
	how, _ := r.how()
	if how.Finish == model.FinishOnEvidence && !h.Here {
		how = model.Replacing{Finish: model.FinishByPerson}
	}
	return how
}

// becomes says what becomes of the old key, behind "which".
func becomes(ctx context.Context, off bool, finish model.Finish, quiet time.Duration) string {
	switch {
	case off:
		return lang.T(ctx, "replace.becomes.off", "is off already")
	case finish == model.FinishNow:
		return lang.T(ctx, "replace.becomes.now", "is turned off at once")
	case finish == model.FinishByPerson:
		return lang.T(ctx, "replace.becomes.person", "keeps working until you turn it off")
	default:
		return lang.T(ctx, "replace.becomes.quiet", "keeps working until the new key is in use and the old one has been quiet for {quiet}",
			"quiet", views.QuietFor(ctx, quiet))
	}
}

// takes is which key a new one takes the place of, among all keys after it was created.
func takes(ctx context.Context, id string, keys []model.Key) views.Takes {
	for _, old := range keys {
		if r := old.Replaced; r.NewID == id && r.State != model.ReplacementUndone {
			t := views.Takes{ID: old.ID, Name: old.Name, Then: lang.T(ctx, "replace.becomes.is-off", "is off")}
			if r.Finish == model.FinishNow && !old.Disabled { // another server did not say yes
				r.Finish = model.FinishByPerson
			}
			if !old.Disabled {
				t.Then = becomes(ctx, false, r.Finish, r.Quiet)
			}
			return t
		}
	}
	return views.Takes{}
}

// deviceTakes is the same for the page for codes, which reads no keys otherwise.
func (h *dashboard) deviceTakes(c echo.Context) views.Takes {
	r := replacesIn(c)
	if r.id == "" {
		return views.Takes{}
	}
	ctx, cancel := readContext(c)
	defer cancel()
	key, err := h.person(c).Key(ctx, r.id)
	if err != nil { // the question says what is true then
		return views.Takes{ID: r.id, When: r.when}
	}
	return views.Takes{ID: r.id, When: r.when, Name: key.Name}
}
