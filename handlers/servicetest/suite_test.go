package servicetest

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
)

func TestAFaithfulServiceKeepsTheContract(t *testing.T) {
	t.Parallel()
	Run(t, func(testing.TB) Tenant { return newMemory("").tenant() })
}

// lies are what a service can get wrong, and the part of the contract that must notice it.
var lies = map[string]string{
	"21 keys":                                 "keys",
	"back in words alone":                     "replacements",
	"keys that are off are waited for":        "replacements",
	"labels stay":                             "replacements",
	"no key-brought-back":                     "replacements",
	"no key-replaced":                         "replacements",
	"now is never":                            "replacements",
	"parked keys go on":                       "replacements",
	"replaced twice":                          "replacements",
	"waited for without end":                  "replacements",
	"a link that fails is used up":            "links",
	"a value beside a refusal":                "keys",
	"a wrong password ends the session":       "a person",
	"accounts are guessed":                    "coming in",
	"addresses confirm themselves":            "links",
	"an address has the last password":        "coming in",
	"any day":                                 "expiry",
	"anybody extends":                         "expiry",
	"each expiry is an event":                 "expiry",
	"expired keys let in":                     "expiry",
	"keys are created for ever":               "expiry",
	"no key-expiry-set":                       "expiry",
	"sessions outlive expiry":                 "expiry",
	"twice key-expiry-set":                    "expiry",
	"any current password":                    "a person",
	"any link will do":                        "links",
	"any name":                                "keys",
	"any new password":                        "a person",
	"any password":                            "coming in",
	"any value is adopted":                    "keys",
	"any value works":                         "keys at work",
	"anybody ends sessions":                   "sessions",
	"anybody's password":                      "a person",
	"browsers are locked out":                 "coming in",
	"changed before it was checked":           "a person",
	"creates at once overtake each other":     "keys",
	"dead on arrival":                         "keys at work",
	"deleted in words alone":                  "keys",
	"deleted keys are off":                    "keys",
	"devices are not named":                   "keys",
	"devices are shown":                       "keys",
	"each turn is an event":                   "keys",
	"errors of other types":                   "every answer",
	"events without an address":               "keys",
	"every key is one's own":                  "keys at work",
	"foreign keys":                            "keys",
	"foreign keys are named":                  "keys at work",
	"a label is a name":                       "labels",
	"labels are events":                       "labels",
	"labels are kept as they come":            "labels",
	"labels without end":                      "labels",
	"keys are mistaken":                       "keys at work",
	"keys as they were":                       "keys",
	"keys have no sessions":                   "sessions",
	"keys of everybody":                       "keys",
	"keys outlive accounts":                   "a person",
	"keys that are off do not count":          "keys",
	"known browsers guess":                    "coming in",
	"links are of everybody in other letters": "links",
	"links for accounts alone":                "links",
	"links for ever":                          "links",
	"a look uses a link up":                   "links",
	"everybody was invited":                   "links",
	"names twice":                             "keys",
	"names without case":                      "keys",
	"newest first":                            "keys",
	"no forgiveness":                          "coming in",
	"no key-adopted":                          "keys",
	"no key-deleted":                          "keys",
	"no key-made":                             "keys",
	"no key-shown":                            "keys",
	"no key-turned-off":                       "keys",
	"no key-turned-on":                        "keys",
	"no keys beside a new one":                "keys",
	"no keys beside a refusal":                "keys",
	"no password-changed":                     "a person",
	"no password-confirmed":                   "a person",
	"no reasons":                              "coming in",
	"no session is as good as ended":          "sessions",
	"no session-ended":                        "sessions",
	"no sign-in-failed":                       "a person",
	"no signed-in":                            "coming in",
	"no signing out":                          "sessions",
	"no word of usage":                        "keys",
	"odd ids are mistakes":                    "keys",
	"off is told":                             "keys at work",
	"off keys let in":                         "keys at work",
	"on is for ever off":                      "keys",
	"others sign in with it":                  "a person",
	"one account for all spellings":           "coming in",
	"one ends all":                            "sessions",
	"one session for all":                     "coming in",
	"one value for all":                       "keys at work",
	"other fingerprints":                      "keys at work",
	"others are all":                          "sessions",
	"others end unseen":                       "sessions",
	"outcomes are never known":                "coming in",
	"passwords are told":                      "every answer",
	"reasons with a full stop":                "keys",
	"refusals are not told":                   "keys at work",
	"right passwords count":                   "coming in",
	"second accounts beside the first":        "coming in",
	"sessions of everybody":                   "sessions",
	"sessions outlive a reset":                "links",
	"sessions outlive accounts":               "a person",
	"sessions outlive deleted keys":           "keys at work",
	"sessions outlive passwords":              "a person",
	"sessions outlive their keys":             "keys at work",
	"signed out once alone":                   "sessions",
	"signing out ends all":                    "sessions",
	"signing out is written down":             "sessions",
	"spellings are told apart":                "coming in",
	"the last use is the first":               "keys at work",
	"the token is the user's id":              "every answer",
	"the value in the name":                   "every answer",
	"trials are uses":                         "keys at work",
	"trials are written down":                 "keys at work",
	"trials of others are hidden":             "keys at work",
	"trials stay":                             "keys at work",
	"tries without end":                       "coming in",
	"twice key-adopted":                       "keys",
	"twice key-deleted":                       "keys",
	"twice key-made":                          "keys",
	"twice key-shown":                         "keys",
	"twice key-turned-off":                    "keys",
	"twice key-turned-on":                     "keys",
	"twice session-ended":                     "sessions",
	"unknown accounts are not counted":        "coming in",
	"values of others are taken over":         "keys",
	"unknown accounts are told":               "coming in",
	"waits of unknown length":                 "coming in",
	"whoever has gone is served":              "every answer",

	"any way of saving":                             "values",
	"each report is an event":                       "values",
	"every leaked key was off":                      "values",
	"leaked keys are turned on like others":         "values",
	"leaked keys are turned on without their names": "values",
	"leaked keys stay on":                           "values",
	"leaks are forgotten":                           "values",
	"leaks of keys that are off go unsaid":          "values",
	"no key-leaked":                                 "values",
	"twice key-leaked":                              "values",
	"no key-saved":                                  "values",
	"nobody asks whether a value was saved":         "values",
	"twice key-saved":                               "values",
	"values are saved again":                        "values",
	"values of devices are saved on pages":          "values",
}

// TestTheContractNoticesEveryLie is what makes it worth something to keep it.
func TestTheContractNoticesEveryLie(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	idle := map[string]bool{} // sentences that have noticed nothing yet
	for _, part := range parts() {
		for _, c := range part.contracts {
			idle[c.name] = true
		}
	}
	var all sync.WaitGroup
	for lie, noticedBy := range lies {
		all.Go(func() {
			var found []string
			for _, part := range parts() {
				for _, c := range part.contracts {
					if len(complaints(t, c, newMemory(lie).tenant())) == 0 {
						continue
					}
					found = append(found, part.name)
					mu.Lock()
					delete(idle, c.name)
					mu.Unlock()
				}
			}
			if !slices.Contains(found, noticedBy) {
				t.Errorf("%q is noticed by %q, want %q", lie, slices.Compact(found), noticedBy)
			}
		})
	}
	all.Wait()
	for name := range idle {
		t.Errorf("nobody lies about this: %s", name)
	}
}

// complaints are what a proof finds wrong with a tenant.
func complaints(t *testing.T, c contract, s Tenant) []string {
	v := &verdict{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.prove(v, s)
	}()
	<-done
	return v.complaints
}

// verdict is a test that keeps to itself what it finds.
type verdict struct {
	testing.TB
	complaints []string
}

func (v *verdict) Helper() {}

func (v *verdict) Error(args ...any) { v.complaints = append(v.complaints, fmt.Sprint(args...)) }

func (v *verdict) Errorf(format string, args ...any) { v.Error(fmt.Sprintf(format, args...)) }

func (v *verdict) Fatal(args ...any) {
	v.Error(args...)
	runtime.Goexit()
}

func (v *verdict) Fatalf(format string, args ...any) { v.Fatal(fmt.Sprintf(format, args...)) }
