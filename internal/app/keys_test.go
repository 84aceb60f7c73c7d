package app

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/app/config"
	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

func testDir(t *testing.T) dataDir {
	t.Helper()
	dir, err := openDataDir(filepath.Join(t.TempDir(), "data"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestSecretsAreMadeOnceForTheirOwnerAlone(t *testing.T) {
	t.Parallel()
	dir := testDir(t)
	ring, err := loadKeyRing(parsed(t, config.Defaults()), dir)
	if err != nil {
		t.Fatal(err)
	}
	access, err := loadAccessKeys(parsed(t, config.Defaults()), dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{".": 0o700, sessionKeysFile: 0o600, accessKeyFile: 0o600} {
		if got := testkit.ModeOf(t, dir.file(name)); got != want {
			t.Errorf("%s has mode %o, want %o", name, got, want)
		}
	}
	if entries, err := os.ReadDir(dir.path); err != nil || len(entries) != 2 {
		t.Errorf("the directory holds %v, %v", entries, err)
	}

	againRing, err := loadKeyRing(parsed(t, config.Defaults()), dir)
	if err != nil {
		t.Fatal(err)
	}
	againAccess, err := loadAccessKeys(parsed(t, config.Defaults()), dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ring, againRing, cmp.AllowUnexported(keyRing{})); diff != "" || !access[0].Equal(againAccess[0]) {
		t.Error("the second start has other keys")
	}
}

func TestEveryUseHasAKeyOfItsOwn(t *testing.T) {
	t.Parallel()
	cfg := config.Defaults()
	one, two := bytes.Repeat([]byte{1}, keyLength), bytes.Repeat([]byte{2}, keyLength)
	cfg.SessionKeys = model.Secret(base64.StdEncoding.EncodeToString(one) + "\n" + base64.StdEncoding.EncodeToString(two))
	dir := testDir(t)
	ring, err := loadKeyRing(parsed(t, cfg), dir)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{string(one): true, string(two): true}
	for _, key := range append(ring.sealing, ring.signing...) {
		if len(key) != keyLength || seen[string(key)] {
			t.Errorf("a key of %d bytes, used before: %v", len(key), seen[string(key)])
		}
		seen[string(key)] = true
	}
	if len(ring.sealing) != 2 || len(ring.signing) != 2 {
		t.Errorf("%d and %d keys", len(ring.sealing), len(ring.signing))
	}
	if _, err := os.Stat(dir.file(sessionKeysFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a ring from the environment was written down")
	}

	// The order of the ring is the order given: the first key is the one that makes new things.
	cfg.SessionKeys = model.Secret(base64.StdEncoding.EncodeToString(two))
	second, err := loadKeyRing(parsed(t, cfg), dir)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(second.sealing[0], ring.sealing[1]) {
		t.Error("a key's sub-keys depend on its neighbours")
	}
}

func TestTheKeyRingCanBeAFileOfAnotherPlace(t *testing.T) {
	t.Parallel()
	cfg := config.Defaults()
	cfg.SessionKeysFile = filepath.Join(t.TempDir(), "keys")
	testkit.WriteFile(t, cfg.SessionKeysFile, strings.Repeat("A", 43)+"=\n", 0o444)
	if _, err := loadKeyRing(parsed(t, cfg), testDir(t)); err != nil {
		t.Fatal(err)
	}
	if got := testkit.ModeOf(t, cfg.SessionKeysFile); got != 0o444 {
		t.Errorf("a file that is not ours has now mode %o", got)
	}
}

func TestSessionKeysAreReadAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	key := bytes.Repeat([]byte{0xfb, 0xff}, keyLength/2)
	std, web := base64.StdEncoding.EncodeToString(key), base64.RawURLEncoding.EncodeToString(key)
	for name, tc := range map[string]struct {
		text string
		keys int
		err  string
	}{
		"one line":                      {std, 1, ""},
		"blank lines and comments":      {"# new, of today\n\n" + std + " # in use\n  \n#" + std + "\n" + web + "\r\n", 2, ""},
		"commas, as in a variable":      {std + "," + web + ", " + std, 3, ""},
		"the alphabet of URLs":          {web, 1, ""},
		"nothing":                       {"", 0, "contains no key"},
		"nothing but a comment":         {"# soon\n", 0, "contains no key"},
		"a key that is too short":       {std + "\n" + std[:40], 0, "key 2 is 30 bytes long"},
		"a key that is too long":        {std[:43] + std, 0, "key 1 is 64 bytes long"},
		"something that is not base64":  {"correct horse battery staple", 0, "key 1 is not base64"},
		"a key with padding inside":     {std + std, 0, "key 1 is not base64"},
		"the line ends of old Macs":     {std + "\r" + web + "\r", 2, ""},
		"two keys with a space between": {std + " " + std, 0, "key 1 is not base64"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys, err := parseSessionKeys(tc.text)
			if tc.err != "" {
				testkit.WantSentence(t, err, tc.err, "32 random bytes in base64")
				if strings.Contains(err.Error(), std[:8]) || strings.Contains(err.Error(), "horse") {
					t.Errorf("a key is in %q", err)
				}
				return
			}
			if err != nil || len(keys) != tc.keys {
				t.Fatalf("%d keys, %v", len(keys), err)
			}
			for _, got := range keys {
				if !bytes.Equal(got, key) {
					t.Errorf("read %x", got)
				}
			}
		})
	}
}

func TestKeyFilesMayComeFromOtherSystems(t *testing.T) {
	t.Parallel()
	text := "# new\r\n" + strings.Repeat("A", 43) + "=\r\n"
	for name, content := range map[string]string{
		"with a mark": "\ufeff" + text, "in UTF-16": string(inUTF16(binary.LittleEndian, "\ufeff"+text)), "the other way": string(inUTF16(binary.BigEndian, "\ufeff"+text)),
	} {
		cfg := config.Defaults()
		cfg.SessionKeysFile = filepath.Join(t.TempDir(), "keys")
		testkit.WriteFile(t, cfg.SessionKeysFile, content, 0o600)
		dir := testDir(t)
		if ring, err := loadKeyRing(parsed(t, cfg), dir); err != nil || len(ring.sealing) != 1 {
			t.Errorf("%s: %v", name, err)
		}
		pem, err := newAccessKey()
		if err != nil {
			t.Fatal(err)
		}
		cfg.AccessKeysFile = filepath.Join(t.TempDir(), "pem")
		testkit.WriteFile(t, cfg.AccessKeysFile, "\ufeff"+strings.ReplaceAll(string(pem), "\n", "\r\n"), 0o600)
		if _, err := loadAccessKeys(parsed(t, cfg), dir); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	cfg := config.Defaults()
	cfg.SessionKeysFile = filepath.Join(t.TempDir(), "keys")
	testkit.WriteFile(t, cfg.SessionKeysFile, "# Schl\xfcssel\n"+text, 0o600)
	_, err := loadKeyRing(parsed(t, cfg), testDir(t))
	testkit.WantSentence(t, err, cfg.SessionKeysFile, "UTF-8")
}

// accessPEM is another key for access tokens, as operators write them.
func accessPEM(t testing.TB) string {
	t.Helper()
	text, err := newAccessKey()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAccessKeysAreReadInTheirOrderFromWhereverTheyAre(t *testing.T) {
	t.Parallel()
	first, second := accessPEM(t), accessPEM(t)
	both := "# new, of today\n" + first + "\n# in use until today\n" + second
	file := filepath.Join(t.TempDir(), "pem")
	testkit.WriteFile(t, file, both, 0o444)
	inData := testDir(t)
	testkit.WriteFile(t, inData.file(accessKeyFile), both, 0o600)
	nowhere := dataDir{path: filepath.Join(t.TempDir(), "none")}
	for name, from := range map[string]struct {
		dir    dataDir
		change func(*config.Config)
	}{
		"the data directory":         {inData, func(*config.Config) {}},
		"a file":                     {nowhere, func(c *config.Config) { c.AccessKeysFile = file }},
		"a variable":                 {nowhere, func(c *config.Config) { c.AccessKeys = model.Secret(both) }},
		"a variable of a single one": {nowhere, func(c *config.Config) { c.AccessKeys = model.Secret(strings.ReplaceAll(first+second, "\n", `\n`)) }},
	} {
		cfg := config.Defaults()
		from.change(&cfg)
		keys, err := loadAccessKeys(parsed(t, cfg), from.dir)
		if err != nil || len(keys) != 2 {
			t.Errorf("%s: %d keys, %v", name, len(keys), err)
			continue
		}
		for i, want := range []string{first, second} {
			der, err := x509.MarshalPKCS8PrivateKey(keys[i])
			if got := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err != nil || got != want {
				t.Errorf("%s: key %d is another, %v", name, i+1, err)
			}
		}
	}
	if got := testkit.ModeOf(t, file); got != 0o444 {
		t.Errorf("a file that is not ours has now mode %o", got)
	}
	if _, err := os.Stat(nowhere.path); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a directory was made for keys that come from elsewhere")
	}
	cfg := config.Defaults()
	cfg.AccessKeys = model.Secret(first[:80])
	_, err := loadAccessKeys(parsed(t, cfg), nowhere)
	testkit.WantSentence(t, err, config.AccessKeysVariable, "only 0 of its 1 keys")
	if strings.Contains(err.Error(), strings.Split(first, "\n")[1][:20]) {
		t.Errorf("the key is in %v", err)
	}
	cfg.AccessKeys, cfg.AccessKeysFile = "", filepath.Join(t.TempDir(), "none")
	_, err = loadAccessKeys(parsed(t, cfg), nowhere)
	testkit.WantSentence(t, err, config.AccessKeysFileVariable, cfg.AccessKeysFile, "cannot be read")
}

func inUTF16(order binary.AppendByteOrder, text string) (b []byte) {
	for _, unit := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, unit)
	}
	return b
}

func TestADamagedKeyFileIsNamed(t *testing.T) {
	t.Parallel()
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(p384)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ file, content, want string }{
		"no session key":             {sessionKeysFile, "\n", "contains no key"},
		"a cut session key":          {sessionKeysFile, "AAAA\n", "key 1 is 3 bytes long"},
		"an empty access key":        {accessKeyFile, "", "PEM"},
		"an access key of garbage":   {accessKeyFile, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})), "damaged"},
		"an access key of its kind":  {accessKeyFile, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")})), "PEM"},
		"an access key of a bad kin": {accessKeyFile, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "P-256"},
		"a second one of its kind":   {accessKeyFile, accessPEM(t) + string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")})), "only"},
		"a second one that is cut":   {accessKeyFile, accessPEM(t) + accessPEM(t)[:100], "only 1 of its 2 keys"},
		"a first one that is cut":    {accessKeyFile, accessPEM(t)[:100] + "\n" + accessPEM(t), "only 1 of its 2 keys"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := testDir(t)
			testkit.WriteFile(t, dir.file(tc.file), tc.content, 0o600)
			_, ringErr := loadKeyRing(parsed(t, config.Defaults()), dir)
			_, accessErr := loadAccessKeys(parsed(t, config.Defaults()), dir)
			testkit.WantSentence(t, errors.Join(ringErr, accessErr), "--data", dir.path, tc.file, tc.want)
			if got := testkit.ReadFile(t, dir.file(tc.file)); got != tc.content {
				t.Error("the file was changed")
			}
		})
	}
}

func TestTheDataDirectoryIsClosedToOthers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		file string
		mode os.FileMode
		want os.FileMode
	}{
		"an empty one":                {"", 0o755, 0o700},
		"one of ours":                 {sessionKeysFile, 0o770, 0o700},
		"a fresh file system":         {"lost+found", 0o755, 0o700},
		"one that is closed already":  {"letters", 0o700, 0o700},
		"one that is closed, and old": {databaseFile, 0o500 | 0o200, 0o700},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, log := t.TempDir(), &bytes.Buffer{}
			if tc.file != "" {
				testkit.WriteFile(t, filepath.Join(path, tc.file), "x", 0o600)
			}
			testkit.MakeDir(t, path, tc.mode)
			if _, err := openDataDir(path, slog.New(slog.NewTextHandler(log, nil))); err != nil {
				t.Fatal(err)
			}
			if got := testkit.ModeOf(t, path); got != tc.want {
				t.Errorf("mode %o, want %o", got, tc.want)
			}
			if said := strings.Contains(log.String(), path); said != (tc.mode != tc.want) {
				t.Errorf("log: %s", log)
			}
		})
	}
}

func TestAnOpenDirectoryOfOtherThingsIsLeftAlone(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	testkit.WriteFile(t, filepath.Join(path, "letters"), "dear", 0o644)
	testkit.MakeDir(t, path, 0o755)
	_, err := openDataDir(path, slog.New(slog.DiscardHandler))
	testkit.WantSentence(t, err, "--data", path, "chmod 700")
	if got := testkit.ModeOf(t, path); got != 0o755 {
		t.Errorf("its mode is now %o", got)
	}
	if entries, err := os.ReadDir(path); err != nil || len(entries) != 1 {
		t.Errorf("it holds %v, %v", entries, err)
	}
}

func TestASecretThatOthersCanReadIsClosed(t *testing.T) {
	t.Parallel()
	dir := testDir(t)
	testkit.WriteFile(t, dir.file(sessionKeysFile), strings.Repeat("A", 43)+"=\n", 0o644)
	if _, err := loadKeyRing(parsed(t, config.Defaults()), dir); err != nil {
		t.Fatal(err)
	}
	if got := testkit.ModeOf(t, dir.file(sessionKeysFile)); got != 0o600 {
		t.Errorf("mode %o", got)
	}
}

// Without its secrets a database looks sound, and everybody is signed out.
func TestSecretsThatAreMissingBesideADatabaseAreToldOf(t *testing.T) {
	t.Parallel()
	var said testkit.Log
	path := filepath.Join(t.TempDir(), "data")
	for _, c := range []struct {
		loses string
		lines int
	}{{"", 0}, {"", 0}, {sessionKeysFile, 1}, {accessKeyFile, 1}} {
		if c.loses != "" {
			if err := os.Remove(filepath.Join(path, c.loses)); err != nil {
				t.Fatal(err)
			}
		}
		said.Reset()
		dir, err := openDataDir(path, slog.New(slog.NewTextHandler(&said, nil)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := loadKeyRing(parsed(t, config.Defaults()), dir); err != nil {
			t.Fatal(err)
		}
		if _, err := loadAccessKeys(parsed(t, config.Defaults()), dir); err != nil {
			t.Fatal(err)
		}
		if text := said.String(); strings.Count(text, "a new one was created") != c.lines || !strings.Contains(text, c.loses) {
			t.Errorf("without %q: %s", c.loses, text)
		}
		if err := os.WriteFile(filepath.Join(path, databaseFile), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
