package views_test

import (
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"

	"latchkey/views"
)

// handoffOf is a hand-off with two programs and the file, and text wherever a server has a say.
func handoffOf(text string) views.Handoff {
	return views.Handoff{
		Snippets: []views.Snippet{
			{
				ID: "dotnet", Label: ".NET", For: "Realm .NET SDK 10.0 to 12.5", Note: text, Language: "C#",
				Before: text + "(", Value: "getenv()", After: ");\n", Literal: `"%s"`,
			},
			{
				ID: "env", Label: ".env", For: "x.env", Language: "Environment file",
				Before: "# " + text + "\nAPI_KEY=", After: "\n", Literal: "%s",
			},
			{ID: "systemd", More: true, Label: "systemd", For: text, Language: "Unit file", Before: "[Service]\n"},
		},
		EnvFile: "x.env",
	}
}

func handoffPlaces() map[string]*views.Keys {
	made := keysPage(1, "porch-cam")
	made.Once = &views.Once{ID: id(1), Name: "porch-cam", Value: "S3cretValue", Handoff: handoffOf("plain"), Masked: true}
	return map[string]*views.Keys{"the panel": &made, "the key's page": nil}
}

// drawHandoff draws the panel with the value, or for nil the key's page.
func drawHandoff(t *testing.T, panel *views.Keys) *goquery.Document {
	t.Helper()
	if panel != nil {
		return draw(t, views.KeysPage(*panel))
	}
	return draw(t, views.OneKeyPage(ownPage(views.Page{}, key(1, "porch-cam"), "plain")))
}

func TestTheHandoffHasATabForEachSystem(t *testing.T) {
	t.Parallel()
	for place, panel := range handoffPlaces() {
		doc := drawHandoff(t, panel)
		if diff := cmp.Diff([]string{".NET", ".env", "More", "systemd"}, texts(doc, ".handoff label")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", place, diff)
		}
		if first := doc.Find("input[name=system][checked]"); first.Length() != 1 || first.AttrOr("value", "") != "dotnet" {
			t.Errorf("%s: %d systems are chosen, the first is %q", place, first.Length(), first.AttrOr("value", ""))
		}
		// The stylesheet knows a tab by what stands before and after it.
		code := doc.Find("label.chip:has([name=system]) + .snippet pre").Map(func(_ int, s *goquery.Selection) string { return s.Text() })
		want := []string{"plain(getenv());\n", "# plain\nAPI_KEY=\n", "[Service]\n"}
		if diff := cmp.Diff(want, code); diff != "" {
			t.Errorf("%s (-want +got):\n%s", place, diff)
		}
		if diff := cmp.Diff([]string{"systemd"}, texts(doc, "label:has(#more-systems) ~ label.rest")); diff != "" {
			t.Errorf("%s, for those who ask for more (-want +got):\n%s", place, diff)
		}
		doc.Find(".snippet pre").Each(func(_ int, s *goquery.Selection) {
			if s.AttrOr("tabindex", "") != "0" || s.AttrOr("aria-label", "") == "" {
				t.Errorf("%s: code that only a mouse can scroll, or without a name: %s", place, s.Text())
			}
		})
		if doc.Find(".handoff [role=status]").Length() != 1 {
			t.Errorf("%s: no place to say what was copied", place)
		}
	}
}

// The value is on the page of the panel alone, so only there can it be copied with the code; and only by script, which has it.
func TestTheValueCanBeCopiedWithTheCodeWhereItIs(t *testing.T) {
	t.Parallel()
	for place, panel := range handoffPlaces() {
		doc := drawHandoff(t, panel)
		want := []string{"Copy code"}
		if panel != nil {
			want = []string{"Copy code with the key", "Copy code"}
		}
		if diff := cmp.Diff(want, texts(doc, ".script [data-handoff]")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", place, diff)
		}
		if got := doc.Find("mark").First(); got.AttrOr("data-literal", "") != `"%s"` || got.Text() != "getenv()" {
			t.Errorf("%s: the value would go in place of %q", place, got.Text())
		}
	}
}

func TestTheDownloadIsTheFileThatIsShown(t *testing.T) {
	t.Parallel()
	doc := drawHandoff(t, handoffPlaces()["the panel"])
	shown := doc.Find("label:has([value=env]) + .snippet pre").First().Text()
	if got := doc.Find("[data-once=download]").AttrOr("data-env", ""); got+"\n" != shown || got != "# plain\nAPI_KEY=" {
		t.Errorf("the download is %q, shown is %q", got, shown)
	}
	if got := doc.Find("[data-once=download]").AttrOr("data-file", ""); got != "x.env" {
		t.Errorf("the download is called %q", got)
	}
	m := keysPage(1, "porch-cam")
	m.Once = &views.Once{ID: id(1), Name: "porch-cam", Value: "S3cretValue"}
	if got := draw(t, views.KeysPage(m)).Find("[data-once=download]").AttrOr("data-env", ""); got != "" {
		t.Errorf("without a file the download is %q", got)
	}
}

// A camera reads dark on light only, so the picture brings its own paper, whatever the page's colours.
func TestAQRCodeIsDarkOnLightWithItsAddressBeside(t *testing.T) {
	t.Parallel()
	const address = "https://keys.example.org/device"
	m := views.Device{Address: address, QRPath: "M4 4h7v1h-7z", QRSize: 33}
	figure := draw(t, views.DevicePage(m)).Find("figure.qr")
	picture, link := figure.Find("svg[role=img]"), figure.Find("figcaption a")
	label, way := picture.AttrOr("aria-label", ""), link.AttrOr("href", "")
	if label != "QR code of the address "+address || link.Text() != address || way != "/device" {
		t.Errorf("drawn as %q, linked as %q with %q", label, way, link.Text())
	}
	var paths []string
	picture.Find("path").Each(func(_ int, s *goquery.Selection) {
		paths = append(paths, s.AttrOr("fill", "")+" "+s.AttrOr("d", ""))
	})
	if diff := cmp.Diff([]string{"#fff M0 0h33v33H0z", "#000 M4 4h7v1h-7z"}, paths); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if whole := render(t, views.DevicePage(m)); !strings.Contains(whole, `"0 0 33 33"`) {
		t.Error("the picture is cut")
	}
	if figure.Closest("details:not([open])").Length() != 1 {
		t.Error("the picture takes room before it is asked for")
	}
	m.QRPath = ""
	if figure = draw(t, views.DevicePage(m)).Find("figure.qr"); figure.Find("svg").Length() != 0 || figure.Find("a").Length() != 1 {
		t.Error("an address that is too long for a picture is not there as text alone")
	}
}
