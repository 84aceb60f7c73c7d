package handlers

import (
	"context"
	"regexp"
	"strings"

	"latchkey/internal/lang"
)

// product is the first word of a User-Agent header: a name and a version, in letters that cannot mislead.
var product = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9._+-]{0,31})(?:/v?([0-9][0-9A-Za-z.+-]{0,15}))?(?:[ ;(]|$)`)

// systems are what programs write for the system they run on. The first that fits counts: Android says Linux too, and so
// says Windows "like Mac".
var systems = []struct{ word, name string }{
	{"android", "Android"}, {"iphone", "iOS"}, {"ipad", "iPadOS"}, {"windows", "Windows"},
	{"mac os", "macOS"}, {"macos", "macOS"}, {"darwin", "macOS"}, {"freebsd", "FreeBSD"}, {"openwrt", "OpenWrt"},
	{"linux", "Linux"},
}

// program is what a person is signed in with, or asks with: a name of its own or a word for its kind, and the system that it runs on, as
// far as that is known.
type program struct {
	kind         lang.Text
	name, system string
}

// Kinds of programs whose names say nothing to people.
var (
	aBrowser       = lang.New("program.browser", "a browser")
	aGoProgram     = lang.New("program.go", "a Go program")
	aNodeProgram   = lang.New("program.node", "a Node.js program")
	aJavaProgram   = lang.New("program.java", "a Java program")
	aPythonProgram = lang.New("program.python", "a Python program")
)

// in are the words for it: "curl 8.5.0", "a Go program", "latchkey 1.0 on Linux", and "" for none.
func (p program) in(ctx context.Context) string {
	name := p.name
	if p.kind != (lang.Text{}) {
		name = p.kind.In(ctx)
	}
	if p.system == "" {
		return name
	}
	return lang.T(ctx, "program.on", "{program} on {system}", "program", name, "system", p.system)
}

// programFrom reads what a device's program calls itself. It gives none for what it cannot read.
func programFrom(agent string) (p program) {
	found := product.FindStringSubmatch(agent)
	if found == nil {
		return p
	}
	name, version := found[1], found[2]
	switch strings.ToLower(name) {
	case "mozilla":
		p.kind = aBrowser
	case "go-http-client":
		p.kind = aGoProgram
	case "node", "undici":
		p.kind = aNodeProgram
	case "okhttp", "java", "apache-httpclient":
		p.kind = aJavaProgram
	case "python-requests", "python-urllib", "python-httpx", "aiohttp":
		p.kind = aPythonProgram
	default:
		if version == "" { // any word may stand there
			return p
		}
		p.name = name + " " + version
	}
	agent = strings.ToLower(agent)
	for _, system := range systems {
		if strings.Contains(agent, system.word) {
			p.system = system.name
			break
		}
	}
	return p
}

// programOf are the words for what a device's program calls itself.
func programOf(ctx context.Context, agent string) string { return programFrom(agent).in(ctx) }

// known are the programs that are called by their names as if they were what they say: words that everybody knows, and that nobody takes
// for ours. What others call themselves is theirs to choose, and is quoted or left out.
var known = regexp.MustCompile(`(?i)^(?:curl|wget|mozilla|go-http-client|node|undici|okhttp|java|apache-httpclient|` +
	`python-requests|python-urllib|python-httpx|aiohttp|oauth4webapi)(?:/v?[0-9]{1,3}(?:\.[0-9]{1,3}){0,3}(?:[ ;(]|$)|$)`)

// knownProgram is programOf for the programs that are known, and "" for all others.
func knownProgram(ctx context.Context, agent string) string {
	if !known.MatchString(agent) {
		return ""
	}
	return browserFrom(agent).in(ctx)
}

// claimOf is what a program calls itself that is not known: nobody's words but its own.
func claimOf(ctx context.Context, agent string) string {
	if known.MatchString(agent) {
		return ""
	}
	return programOf(ctx, agent)
}

// browsers are what browsers write of themselves. The first that fits counts: most claim to be the others too.
var browsers = []struct{ word, name string }{
	{"edg", "Edge"}, {"opr/", "Opera"}, {"samsungbrowser/", "Samsung Internet"}, {"firefox/", "Firefox"}, {"fxios/", "Firefox"},
	{"headlesschrome/", "Chrome"}, {"chrome/", "Chrome"}, {"crios/", "Chrome"}, {"chromium/", "Chromium"}, {"safari/", "Safari"},
}

// browserFrom is programFrom for what a person is signed in with, where it helps to tell one browser from another: "Firefox on Linux".
func browserFrom(agent string) program {
	p := programFrom(agent)
	if p.kind != aBrowser {
		return p
	}
	lower := strings.ToLower(agent)
	for _, browser := range browsers {
		if strings.Contains(lower, browser.word) {
			return program{name: browser.name, system: p.system}
		}
	}
	return p
}
