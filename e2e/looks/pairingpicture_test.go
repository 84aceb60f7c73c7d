package looks

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"html"
	"image"
	"image/png"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"

	"latchkey/client"
	"latchkey/e2e/story"
	"latchkey/internal/app/config"
)

// TestPicturesOfAPairing takes the README's moving picture: on the left the terminal of a device, on the right a phone.
func TestPicturesOfAPairing(t *testing.T) {
	onRequest(t)
	clock := longAgo()
	home := atHome(t, clock.Now)
	ana := furnish(t, home.program, clock)
	const name = "kitchen-display"
	device := startsPairing(t, home, name)

	phone := home.program.Open(t, home.within, story.SignedIn(ana), story.Phone, func(v *story.Visit) {
		v.Context.DeviceScaleFactor = playwright.Float(2)
	})
	film := film{t: t, board: drawingBoard(t, home.program, 904, 710, sharpness, home.within), phone: phone}

	film.terminal = prompt + "<b>latchkey pair --url https://" + theirs + " --out .env</b>\n"
	typed := film.terminal
	film.shoot(1200*time.Millisecond, nil)
	film.terminal = typed + device.shows(`Waiting for .*`)
	film.shoot(2500*time.Millisecond, nil)

	code := regexp.MustCompile(`/device\?user_code=\S+`).FindString(device.printed())
	phone.Visit(code)
	approve := phone.Button("Approve")
	phone.Sees(approve)
	film.shoot(3*time.Second, nil)
	film.shoot(500*time.Millisecond, approve)
	phone.Press(approve)
	phone.Lacks(approve)
	film.shoot(1200*time.Millisecond, nil)

	onward := phone.Locator("#pairing .actions a[href='/keys']")
	phone.Sees(onward)
	film.terminal = typed + device.shows(`Connected\. .*`) + prompt
	film.shoot(2*time.Second, nil)

	film.terminal += "<b>docker compose up -d</b>\n" + prompt
	settings, err := os.ReadFile(device.file)
	phone.Must(err)
	value := regexp.MustCompile(`(?m)^API_KEY=(.+)$`).FindSubmatch(settings)
	if value == nil {
		t.Fatal("the device has no key")
	}
	program, err := client.New(home.program.URL, "latchkey-local", client.WithHTTPClient(home.program.HTTP),
		client.WithDevice(client.Device{Name: name, Platform: "linux", SDK: "realm-web", SDKVersion: "2.0.1"}))
	phone.Must(err)
	_, err = program.Login(story.Within(t), client.UserAPIKey(string(value[1])))
	phone.Must(err)
	phone.Sees(phone.Locator("#pairing").GetByText("Connected").First())
	film.shoot(2*time.Second, nil)
	film.shoot(400*time.Millisecond, onward)
	phone.Press(onward)
	phone.Sees(phone.Row(name))
	film.shoot(4*time.Second, nil)

	picture, err := moving(reduced(film.frames, 64), film.shown)
	phone.Must(err)
	if len(picture) > 600_000 {
		t.Errorf("the picture has %d bytes", len(picture))
	}
	phone.Must(os.WriteFile(story.Path("docs", "pairing.png"), picture, 0o644)) //nolint:gosec // as readable as the others
}

// TestPicturesOfTheIcon draws the icon for home screens, which round its corners themselves, from the one for tabs.
func TestPicturesOfTheIcon(t *testing.T) {
	onRequest(t)
	drawing, err := os.ReadFile(story.Path("static", "icon.svg"))
	if err != nil {
		t.Fatal(err)
	}
	board := drawingBoard(t, story.StartProgram(t), 180, 180, 1)
	square := strings.NewReplacer(` rx="8"`, "", "<svg ", `<svg width="180" height="180" style="display:block" `).Replace(string(drawing))
	board.Must(board.SetContent(`<body style="margin:0">` + square))
	var file bytes.Buffer
	board.Must((&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&file, reduced([]image.Image{seen(board)}, 16)[0]))
	board.Must(os.WriteFile(story.Path("static", "touch.png"), file.Bytes(), 0o644)) //nolint:gosec // as readable as the others
}

const (
	theirs     = "keys.example.org" // where the server is
	sharpness  = 2                  // pixels of the picture to one of its page
	phoneWidth = 300                // on the picture's page
	prompt     = `<i>kitchen:~$</i> `
)

// house has a device and a phone that reach a server elsewhere, by its own name and by the same way out.
type house struct {
	program *story.Program
	proxy   string // at it the server's name is known
	trusted string // a file with the certificate
}

func atHome(t *testing.T, now func() time.Time) house {
	t.Helper()
	behind := story.FreeAddress(t)
	program := story.StartProgram(t, func(c *config.Config) {
		c.Addr, c.PublicURL, c.TrustedProxies, c.Now = behind, "https://"+theirs, "127.0.0.1", now
	})
	front := httptest.NewUnstartedServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: behind})
		r.SetXForwarded()
		r.Out.Host = r.In.Host
		r.Out.Header.Set("X-Forwarded-For", "203.0.113.7")
	}})
	certificate := story.OurAuthority.Certificate(t, theirs, time.Now().Add(time.Hour))
	front.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*certificate}}
	front.Config.ErrorLog = log.New(io.Discard, "", 0) // browsers try a certificate that they do not know, and then again
	front.StartTLS()
	t.Cleanup(front.Close)
	proxy := httptest.NewServer(leadsTo(front.Listener.Addr().String()))
	t.Cleanup(proxy.Close)
	transport, _ := program.HTTP.Transport.(*http.Transport)
	address, err := url.Parse(proxy.URL)
	trusted := filepath.Join(t.TempDir(), "trusted.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})
	if err = errors.Join(err, os.WriteFile(trusted, block, 0o600)); err != nil {
		t.Fatal(err)
	}
	transport.Proxy = http.ProxyURL(address)
	return house{program, proxy.URL, trusted}
}

// within has a browser take the way that leads out of the house.
func (h house) within(v *story.Visit) {
	story.AnyCertificate(v)
	v.Context.Proxy = &playwright.Proxy{Server: h.proxy}
}

// leadsTo is a proxy that knows one server, under every name.
func leadsTo(address string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		there, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", address)
		if err != nil || r.Method != http.MethodConnect {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		here, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_, err = io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
		}
		if err != nil {
			_ = there.Close()
			return
		}
		var both sync.WaitGroup
		for from, to := range map[net.Conn]net.Conn{here: there, there: here} {
			both.Go(func() {
				_, _ = io.Copy(to, from) // until one of them goes, and then the other has nobody to talk to
				_ = to.Close()
			})
		}
		both.Wait()
	})
}

// terminal is one in which a device pairs.
type terminal struct {
	t     *testing.T
	file  string // where its key goes
	mu    sync.Mutex
	bytes bytes.Buffer // what was printed
}

func (p *terminal) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bytes.Write(text)
}

func (p *terminal) printed() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.ReplaceAll(p.bytes.String(), "\r\n", "\n")
}

// startsPairing runs "latchkey pair" in a terminal, where it draws a picture for cameras.
func startsPairing(t *testing.T, h house, name string) *terminal {
	t.Helper()
	dir := t.TempDir()
	binary, p := filepath.Join(dir, "latchkey"), &terminal{t: t, file: filepath.Join(dir, ".env")}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, story.Path()).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := fmt.Sprintf("%s pair --url %s --name %s --out %s", binary, h.program.URL, name, p.file)
	cmd := exec.CommandContext(t.Context(), "script", "--quiet", "--command", run, os.DevNull) // of util-linux
	cmd.Env = append(os.Environ(), "HTTPS_PROXY="+h.proxy, "SSL_CERT_FILE="+h.trusted)
	cmd.Stdout = p
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // what it printed says how it ended
	return p
}

// shows waits until that was printed, and draws everything until then.
func (p *terminal) shows(pattern string) string {
	p.t.Helper()
	last := regexp.MustCompile(pattern + "\n")
	story.Until(p.t, "the device prints "+pattern, func() bool { return last.MatchString(p.printed()) })
	text := p.printed()
	text = text[:last.FindStringIndex(text)[1]]
	var drawn, qr strings.Builder
	rows := 0
	for line := range strings.Lines(text) {
		cells, isQR := strings.CutPrefix(line, "\x1b[38;5;16;48;5;231m")
		if !isQR {
			drawn.WriteString(html.EscapeString(line))
			continue
		}
		for x, cell := range []rune(strings.TrimSuffix(cells, "\x1b[0m\n")) {
			if cell == '█' || cell == '▀' {
				fmt.Fprintf(&qr, "M%d %dh1v1h-1z", x, rows)
			}
			if cell == '█' || cell == '▄' {
				fmt.Fprintf(&qr, "M%d %dh1v1h-1z", x, rows+1)
			}
		}
		if rows += 2; rows == 2 {
			drawn.WriteString("{qr}")
		}
	}
	return strings.Replace(drawn.String(), "{qr}", fmt.Sprintf(
		`<svg viewBox="0 0 %d %d" width="%d" shape-rendering="crispEdges"><rect width="100%%" height="100%%" fill="#fff"/><path d="%s"/></svg>`,
		rows, rows, 6*rows, qr.String()), 1)
}

// film is what is shown one after the other.
type film struct {
	t        *testing.T
	board    *story.Page // where the two are put together
	phone    *story.Page
	terminal string // as HTML
	frames   []image.Image
	shown    []time.Duration
}

// shoot takes the terminal and the phone as they are, with a finger on something.
func (f *film) shoot(shown time.Duration, finger playwright.Locator) {
	f.t.Helper()
	screen, err := f.phone.Screenshot(playwright.PageScreenshotOptions{Animations: playwright.ScreenshotAnimationsDisabled})
	f.phone.Must(err)
	dot := ""
	if finger != nil {
		box, err := finger.BoundingBox()
		f.phone.Must(err)
		const scale = phoneWidth / 390.
		dot = fmt.Sprintf(`<s style="left:%.0fpx;top:%.0fpx"></s>`, (box.X+box.Width/2)*scale, (box.Y+box.Height/2)*scale)
	}
	f.board.Must(f.board.SetContent(fmt.Sprintf(`<style>
		body { margin: 0; padding: 20px; display: flex; gap: 24px; align-items: start; background: #efede6 }
		pre { box-sizing: border-box; margin: 0; width: 520px; height: 670px; padding: 20px; border-radius: 10px; overflow: hidden;
			background: #101314; color: #eef0ec; font: 12px/1.35 "Liberation Mono", monospace; white-space: pre-wrap }
		b { font-weight: 400; color: #fff } i { font-style: normal; color: #7fd6c8 } svg { display: block }
		div { position: relative; border: 10px solid #16201f; border-radius: 28px; overflow: hidden; width: %[1]dpx }
		img { display: block; width: %[1]dpx; border-radius: 18px }
		s { position: absolute; width: 44px; height: 44px; margin: -22px; border-radius: 50%%; background: #e3c98fb0; border: 2px solid #80560a }
	</style><body><pre>%[2]s</pre><div><img src="data:image/png;base64,%[3]s">%[4]s</div>`,
		phoneWidth, f.terminal, base64.StdEncoding.EncodeToString(screen), dot)))
	f.frames, f.shown = append(f.frames, seen(f.board)), append(f.shown, shown)
}

// drawingBoard is a page that the test draws on.
func drawingBoard(t *testing.T, p *story.Program, width, height int, sharp float64, options ...story.Option) *story.Page {
	t.Helper()
	board := p.Open(t, append(options, func(v *story.Visit) {
		v.Context.Viewport, v.Context.DeviceScaleFactor = &playwright.Size{Width: width, Height: height}, &sharp
	})...)
	_, err := board.Goto("about:blank")
	board.Must(err)
	return board
}

// seen is what is in view of a page.
func seen(p *story.Page) image.Image {
	p.T.Helper()
	file, err := p.Screenshot(playwright.PageScreenshotOptions{Animations: playwright.ScreenshotAnimationsDisabled})
	p.Must(err)
	picture, err := png.Decode(bytes.NewReader(file))
	p.Must(err)
	return picture
}
