package passkeys_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"latchkey/internal/model"
	"latchkey/internal/passkeys"
	"latchkey/internal/testkit"
)

const home = "https://keys.example.org"

func TestPasskeysAreCreatedWhereBrowsersCreateThem(t *testing.T) {
	t.Parallel()
	for address, host := range map[string]string{
		"https://keys.example.org": "keys.example.org", "https://Keys.Example.org:8443": "keys.example.org", "https://keys": "",
		"http://localhost:8080": "localhost", "http://keys.localhost": "keys.localhost", "https://localhost": "localhost",
		"http://keys.example.org": "", "http://127.0.0.1:8080": "", "https://192.0.2.1": "", "https://[2001:db8::1]:8443": "", "": "", ":": "",
	} {
		site := passkeys.New(address, "")
		if got := model.PasskeyHost(address); got != host || (site == nil) != (host == "") || site != nil && site.Host() != host {
			t.Errorf("at %q the host is %q, and the site is %v", address, got, site)
		}
	}
}

func TestTheOptionsAskForNothingButAVerifiedPerson(t *testing.T) {
	t.Parallel()
	site := passkeys.New(home, "Example Keys")
	handle := passkeys.NewHandle()
	have := model.Passkey{RPID: "keys.example.org", CredentialID: []byte("mine"), Transports: "usb"}
	away := model.Passkey{RPID: "keys.old.example.org", CredentialID: []byte("old")}
	options, challenge, err := site.ToAdd("ada@example.org", handle, []model.Passkey{have, away})
	if err != nil || !passkeys.IsChallenge(challenge) {
		t.Fatal(challenge, err)
	}
	var asked struct {
		PublicKey struct {
			Challenge, Attestation string
			Timeout                int
			RP                     struct{ ID, Name string }
			User                   struct{ ID, Name, DisplayName string }
			AuthenticatorSelection struct {
				ResidentKey, UserVerification string
				RequireResidentKey            bool
			}
			ExcludeCredentials, AllowCredentials []struct{ ID string }
			PubKeyCredParams                     []struct{ Alg int }
			RPID, UserVerification               string
		}
	}
	if err := json.Unmarshal(options, &asked); err != nil {
		t.Fatal(err)
	}
	o := asked.PublicKey
	if o.Challenge != challenge || o.RP.ID != "keys.example.org" || o.RP.Name != "Example Keys" || o.User.Name != "ada@example.org" ||
		o.AuthenticatorSelection.ResidentKey != "required" || !o.AuthenticatorSelection.RequireResidentKey ||
		o.AuthenticatorSelection.UserVerification != "required" || o.Attestation != "none" || o.Timeout != 300_000 ||
		len(o.ExcludeCredentials) != 1 || o.ExcludeCredentials[0].ID != "bWluZQ" || len(o.PubKeyCredParams) != 3 || o.User.ID == "" {
		t.Errorf("%s", options)
	}
	for name, write := range map[string]func() ([]byte, string, error){
		"sign in": site.ToSignIn, "prove": func() ([]byte, string, error) { return site.ToProve([]model.Passkey{have, away}) },
	} {
		options, challenge, err := write()
		asked.PublicKey.AllowCredentials = nil
		if err = errors.Join(err, json.Unmarshal(options, &asked)); err != nil {
			t.Fatal(err)
		}
		o := asked.PublicKey
		if o.Challenge != challenge || o.RPID != "keys.example.org" || o.UserVerification != "required" || (len(o.AllowCredentials) == 1) != (name == "prove") {
			t.Errorf("to %s: %s", name, options)
		}
	}
	if _, _, err := site.ToProve([]model.Passkey{away}); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("without a passkey of here: %v", err)
	}
}

// created is a passkey, and the authenticator that has it.
func created(t testing.TB, site *passkeys.Site) (model.Passkey, *testkit.Authenticator) {
	t.Helper()
	a := testkit.NewAuthenticator(t, home)
	a.Count = 7
	handle := passkeys.NewHandle()
	options, challenge, err := site.ToAdd("ada", handle, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := site.Added(challenge, handle, a.Create(t, options))
	if err != nil {
		t.Fatal(err)
	}
	if p.RPID != "keys.example.org" || p.SignCount != 7 || !bytes.Equal(p.UserHandle, handle) || len(p.CredentialID) == 0 || len(p.PublicKey) == 0 {
		t.Errorf("%#v", p)
	}
	return p, a
}

func TestAnAnswerThatDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	site := passkeys.New(home, "")
	p, _ := created(t, site)
	for name, c := range map[string]struct {
		change func(a *testkit.Authenticator)
		says   string
	}{
		"another origin":                {func(a *testkit.Authenticator) { a.Origin = "https://evil.example" }, "origin"},
		"the same host without https":   {func(a *testkit.Authenticator) { a.Origin = "http://keys.example.org" }, "origin"},
		"another port":                  {func(a *testkit.Authenticator) { a.Origin = home + ":8443" }, "origin"},
		"a host below":                  {func(a *testkit.Authenticator) { a.Origin = "https://evil.keys.example.org" }, "origin"},
		"another host":                  {func(a *testkit.Authenticator) { a.Host = "example.org" }, "RP"},
		"a person who was not verified": {func(a *testkit.Authenticator) { a.UserNotVerified = true }, "verif"},
		"nobody present":                {func(a *testkit.Authenticator) { a.UserNotPresent = true }, "presen"},
	} {
		p, a := created(t, site)
		c.change(a)
		options, challenge, _ := site.ToSignIn()
		_, err := site.Used(challenge, a.Sign(t, options), func([]byte) (model.Passkey, error) { return p, nil })
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		options, challenge, _ = site.ToAdd("ada", p.UserHandle, nil)
		if _, err = site.Added(challenge, p.UserHandle, a.Create(t, options)); err == nil {
			t.Errorf("%s adds a passkey", name)
		}
	}

	used := func(change func(found *model.Passkey, challenge *string, answer *[]byte)) error {
		found, a := created(t, site)
		options, challenge, _ := site.ToSignIn()
		answer := a.Sign(t, options)
		change(&found, &challenge, &answer)
		_, err := site.Used(challenge, answer, func([]byte) (model.Passkey, error) { return found, nil })
		return err
	}
	if err := used(func(*model.Passkey, *string, *[]byte) {}); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(found *model.Passkey, challenge *string, answer *[]byte){
		"another challenge": func(_ *model.Passkey, challenge *string, _ *[]byte) { _, *challenge, _ = site.ToSignIn() },
		"a passkey of another host, as this server was called once": func(found *model.Passkey, _ *string, _ *[]byte) { found.RPID = "keys.old.example.org" },
		"the key of another": func(found *model.Passkey, _ *string, _ *[]byte) { found.PublicKey = p.PublicKey },
		"another handle":     func(found *model.Passkey, _ *string, _ *[]byte) { found.UserHandle = p.UserHandle },
		"more than 16 KiB": func(_ *model.Passkey, _ *string, answer *[]byte) {
			*answer = append(*answer, make([]byte, passkeys.MaxAnswer)...)
		},
		"what follows it": func(_ *model.Passkey, _ *string, answer *[]byte) { *answer = append(*answer, " {}"...) },
		"nothing":         func(_ *model.Passkey, _ *string, answer *[]byte) { *answer = nil },
	} {
		if used(change) == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if err := used(func(*model.Passkey, *string, *[]byte) {}); err != nil {
		t.Error(err)
	}
	if err := func() error {
		site := passkeys.New("https://Keys.example.org:443", "")
		p, a := created(t, site)
		options, challenge, _ := site.ToSignIn()
		_, err := site.Used(challenge, a.Sign(t, options), func([]byte) (model.Passkey, error) { return p, nil })
		return err
	}(); err != nil {
		t.Errorf("at an address that browsers write in another way: %v", err)
	}
	if _, err := site.Used("", nil, nil); err == nil {
		t.Error("nothing is accepted")
	}
}

func TestFlagsAndCountsThatChangeAreAcceptedAndSaid(t *testing.T) {
	t.Parallel()
	site := passkeys.New(home, "")
	p, a := created(t, site)
	sign := func() passkeys.Use {
		t.Helper()
		options, challenge, _ := site.ToSignIn()
		use, err := site.Used(challenge, a.Sign(t, options), func([]byte) (model.Passkey, error) { return p, nil })
		if err != nil {
			t.Fatal(err)
		}
		p = use.Passkey
		return use
	}
	for _, c := range []struct {
		count         uint32
		eligible      bool
		changed, back bool
	}{
		{8, false, false, false},
		{9, true, true, false}, // as a keyring does that learns to copy
		{10, true, false, false},
		{10, true, false, true}, // as the second of two copies does
		{3, true, false, true},
		{4, false, true, false},
		{0, false, false, true}, // as in a keyring that counts nothing
		{0, false, false, false},
		{0, true, true, false},
	} {
		a.Count, a.BackupEligible, a.BackupState = c.count, c.eligible, c.eligible
		use := sign()
		if use.EligibleChanged != c.changed || use.CountBack != c.back || p.SignCount != int64(c.count) || p.Synced() != c.eligible {
			t.Errorf("%+v: changed %v, back %v, %#v", c, use.EligibleChanged, use.CountBack, p)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	site := passkeys.New(home, "")
	p, a := created(f, site)
	handle := passkeys.NewHandle()
	options, challenge, _ := site.ToSignIn()
	f.Add(a.Sign(f, options))
	options, adding, _ := site.ToAdd("ada", handle, nil)
	f.Add(testkit.NewAuthenticator(f, home).Create(f, options))
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{}}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		if added, err := site.Added(adding, handle, answer); err == nil && (len(added.CredentialID) == 0 || len(added.PublicKey) > 1<<10 || len(added.CredentialID) > 1023) {
			t.Errorf("%#v", added)
		}
		if use, err := site.Used(challenge, answer, func([]byte) (model.Passkey, error) { return p, nil }); err == nil && !bytes.Equal(use.CredentialID, p.CredentialID) {
			t.Errorf("%#v", use)
		}
	})
}
