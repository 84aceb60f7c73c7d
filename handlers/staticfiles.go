package handlers

import (
	"strings"

	"github.com/labstack/echo/v4"

	"latchkey/static"
	"latchkey/views"
)

// staticFiles serves the files of pages. Those with the words of scripts in other languages are built once one is asked for: the page that
// names it may be another node's.
func staticFiles() echo.HandlerFunc {
	files := echo.WrapHandler(static.Handler())
	return func(c echo.Context) error {
		if strings.HasPrefix(c.Request().URL.Path, static.Prefix+"words.") {
			views.ScriptWords()
		}
		return files(c)
	}
}
