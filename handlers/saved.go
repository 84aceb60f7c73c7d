package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"latchkey/internal/model"
)

// markSaved remembers how the value of a new key was saved, as the page that shows it tells: the script of a copy as it happens, and without
// script the form that leaves the page. That page is gone then, and so is the value, so the person goes on whatever comes of this.
func (h *dashboard) markSaved(c echo.Context) error {
	form, err := sentValues(c)
	if err != nil {
		return err
	}
	ctx, cancel := actContext(c)
	defer cancel()
	err = h.person(c).MarkSaved(ctx, c.Param("id"), model.SavedHow(form.Get("how")))
	switch {
	case err != nil && pageOfItsOwn(err):
		return err
	case err != nil && !model.Is(err, model.KindNotFound):
		h.logFault(c, "not remembered that a value was saved", err)
	}
	if wantsPart(c) || form.Has(scriptField) {
		return c.NoContent(http.StatusNoContent)
	}
	return redirect(c, home)
}
