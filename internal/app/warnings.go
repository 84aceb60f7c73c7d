package app

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"latchkey/internal/app/operate"
)

// warningKind names something that the operator should look into. There are as many as are named here, and no request makes more.
type warningKind string

const (
	warnStrangeProxy warningKind = "strange-proxy"  // passes requests on, and nobody trusts it
	warnUnreadProxy  warningKind = "unread-proxy"   // is trusted, and what it says cannot be read
	warnMail         warningKind = "mail"           // does not get through
	warnData         warningKind = "data-directory" // is not as it should be
	warnClock        warningKind = "clock"          // does not go with what is believed
)

var warningKinds = []warningKind{warnStrangeProxy, warnUnreadProxy, warnMail, warnData, warnClock}

// warning is what the operator is told of one kind: in the log when it begins, in the metrics, and by latchkey status.
type warning struct {
	kind  warningKind
	text  string // with what it is about
	times uint64
	since time.Time // when it was so first
	last  time.Time
	over  time.Time // when it was seen to be so no more; zero: it may still be so
}

// maxWarning bounds what is kept of one, in bytes: headers and addresses of requests are in it.
const maxWarning = 600

// warnings keeps one of each kind. What comes often is in the log once, until it was over.
type warnings struct {
	now func() time.Time
	log *slog.Logger

	mu   sync.Mutex
	kept map[warningKind]*warning
}

func newWarnings(now func() time.Time, log *slog.Logger) *warnings {
	w := &warnings{now: now, log: log, kept: map[warningKind]*warning{}}
	for _, kind := range warningKinds {
		w.kept[kind] = &warning{kind: kind}
	}
	return w
}

// raise says that something is so. attrs are of log/slog, names and values by turns.
func (w *warnings) raise(kind warningKind, text string, attrs ...any) {
	if w.note(kind, text, attrs) {
		w.log.Warn(text, attrs...)
	}
}

func (w *warnings) note(kind warningKind, text string, attrs []any) (isNew bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	one := w.kept[kind]
	one.times++
	one.last = w.now()
	if one.times > 1 && one.over.IsZero() {
		return false
	}
	one.since, one.over = one.last, time.Time{}
	var whole strings.Builder
	whole.WriteString(text)
	for i := 0; i+1 < len(attrs); i += 2 {
		fmt.Fprintf(&whole, "; %v: %v", attrs[i], attrs[i+1])
	}
	one.text = whole.String()
	if len(one.text) > maxWarning {
		one.text = strings.ToValidUTF8(one.text[:maxWarning], "") + "…"
	}
	return true
}

// settle says that something is so no more, when it was.
func (w *warnings) settle(kind warningKind, text string, attrs ...any) {
	w.mu.Lock()
	one := w.kept[kind]
	was := one.times > 0 && one.over.IsZero()
	if was {
		one.over = w.now()
	}
	w.mu.Unlock()
	if was {
		w.log.Info(text, attrs...)
	}
}

// all are the kinds in their order, those that never were included.
func (w *warnings) all() []warning {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := make([]warning, 0, len(warningKinds))
	for _, kind := range warningKinds {
		list = append(list, *w.kept[kind])
	}
	return list
}

// forOperator are those that were so, for the commands.
func (w *warnings) forOperator() (list []operate.Warning) {
	for _, one := range w.all() {
		if one.times == 0 {
			continue
		}
		told := operate.Warning{Kind: string(one.kind), Text: one.text, Times: one.times, Since: one.since, Last: one.last}
		if !one.over.IsZero() {
			told.Over = &one.over
		}
		list = append(list, told)
	}
	return list
}
