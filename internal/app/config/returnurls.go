package config

import (
	"strconv"
	"strings"

	"latchkey/internal/app/weburl"
	"latchkey/internal/model"
)

// maxReturnURLs is more than the pages of several apps, and few enough to look through for each link.
const maxReturnURLs = 50

// parseReturnURLs reads --return-urls.
func parseReturnURLs(list string) ([]model.ReturnURL, error) {
	var urls []model.ReturnURL
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		u, ok := model.ParseReturnURL(part)
		if !ok {
			return nil, Refuse("return-urls", weburl.WithoutPassword(part), "must be URLs such as https://app.example.org/settings, which stand for all that begin with them and have no user, query or escaped slash, or an app’s own such as myapp://keys, which only stand for themselves, separated by commas")
		}
		urls = append(urls, u)
	}
	return urls, check("return-urls", list, len(urls) <= maxReturnURLs, "must be at most "+strconv.Itoa(maxReturnURLs)+" URLs")
}
