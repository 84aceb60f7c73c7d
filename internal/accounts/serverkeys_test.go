package accounts

import (
	"crypto/sha256"
	"errors"
	"testing"

	"latchkey/internal/model"
)

func TestAServerKeyIsNoPersonToOperators(t *testing.T) {
	box := &mailbox{}
	f := newFixture(t, func(cfg *Config) { cfg.Mailer = box })
	who, _, err := f.Add(t.Context(), "a@example.org", testPassword)
	if err != nil {
		t.Fatal(err)
	}
	key, value, err := f.AddServerKey(t.Context(), "gateway")
	if err != nil || !isValue(value.Reveal()) || key.UserID == who.ID {
		t.Fatalf("%+v, %v", key, err)
	}
	if found, err := f.Find(t.Context(), key.UserID); err != nil || found.ServerKey != "gateway" || found.Keys != 1 || len(found.Identities) > 0 {
		t.Errorf("%+v, %v", found, err)
	}
	list, _, err := f.List(t.Context(), "", 10)
	if err != nil || len(list) != 1 || list[0].ID != who.ID {
		t.Errorf("%+v, %v", list, err)
	}
	for name, act := range map[string]func() error{
		"found as a person": func() error { _, err := f.FindPerson(t.Context(), key.UserID); return err },
		"disabled":          func() error { _, _, err := f.Disable(t.Context(), key.UserID); return err },
		"enabled":           func() error { _, _, err := f.Enable(t.Context(), key.UserID); return err },
		"given a password":  func() error { _, _, err := f.ResetPassword(t.Context(), key.UserID, false, false); return err },
		"left without key":  func() error { _, _, err := f.DeleteKeyOf(t.Context(), key.UserID, key.ID); return err },
		"deleted":           func() error { _, err := f.Delete(t.Context(), key.UserID); return err },
		"parted from its key": func() error {
			_, _, err := f.DeleteKeyOf(t.Context(), key.UserID, key.ID)
			return err
		},
	} {
		if server, is := errors.AsType[ServerKeyError](act()); !is || server.Name != "gateway" || server.UserID != key.UserID {
			t.Errorf("it is %s: %v", name, act())
		}
	}
	if got := box.taken(f); len(got) > 0 {
		t.Errorf("emails: %+v", got)
	}
}

func TestAServerKeyThatCannotBeCreatedSaysWhy(t *testing.T) {
	f := newFixture(t)
	if _, _, err := f.AddServerKey(t.Context(), "gateway"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]model.Kind{"": model.KindBadName, "a b": model.KindBadName, "gateway": model.KindNameTaken} {
		_, _, err := f.AddServerKey(t.Context(), name)
		is(t, err, want)
	}
	for _, on := range []bool{true, false} {
		_, err := f.SetServerKey(t.Context(), "hub", on)
		is(t, err, model.KindNotFound)
	}
	_, err := f.DeleteServerKey(t.Context(), "hub")
	is(t, err, model.KindNotFound)
}

func TestAValueFromElsewhereBecomesAServerKeyOnce(t *testing.T) {
	f := newFixture(t)
	_, own := f.newKey(f.signUp("a@example.org"), "pump")
	hash := func(value string) [sha256.Size]byte { return sha256.Sum256([]byte(value)) }
	key, err := f.AdoptServerKey(t.Context(), Adoption{Name: "gateway", Hash: hash("old"), Found: AdoptedFromFile})
	if err != nil || key.Origin != model.OriginAdopted {
		t.Fatalf("%+v, %v", key, err)
	}
	for _, tt := range []struct {
		name, value string
		want        model.Kind
	}{
		{"gateway", "old", model.KindOwnValue},
		{"hub", "old", model.KindValueTaken},
		{"gateway", "another", model.KindNameTaken},
		{"hub", own.Reveal(), model.KindValueTaken},
		{"a b", "another", model.KindBadName},
	} {
		_, err := f.AdoptServerKey(t.Context(), Adoption{Name: tt.name, Hash: hash(tt.value)})
		is(t, err, tt.want)
	}
	if events := f.written(key.UserID); len(events) != 1 || events[0].Kind != model.EventKeyAdopted || events[0].Detail != AdoptedFromFile ||
		events[0].Actor != model.ActorOperator {
		t.Errorf("written down: %+v", events)
	}
	if keys, err := f.ServerKeys(t.Context()); err != nil || len(keys) != 1 {
		t.Errorf("%+v, %v", keys, err)
	}
}
