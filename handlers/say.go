package handlers

import (
	"github.com/labstack/echo/v4"

	"latchkey/internal/lang"
)

// t is a text in the language of the request. See package lang.
func t(c echo.Context, id, english string, values ...string) string {
	return lang.T(c.Request().Context(), id, english, values...)
}
