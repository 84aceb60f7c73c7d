package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"latchkey/internal/model"
)

func TestWhatHappenedIsOneSentenceInTheLanguageOfThePageAndFilesStayAsTheyAre(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	who := p.person(email)
	p.writes(who, "pairing-approved", about(aKey, "porch-cam"), detail("Porch Pi"))
	p.writes(who, "key-expiry-set", about(aKey, "porch-cam"), detail("2027-02-03"))
	for range 3 {
		p.writes(who, "sign-in-failed", detail("wrong password"), by(model.ActorUnknown))
	}
	b := p.signIn(who)
	for language, want := range map[string][3]string{
		"de": {
			"Anmeldung abgelehnt: falsches Passwort, 3-mal, zuletzt um 12:05 UTC", "porch-cam läuft nun am 3. Februar 2027 (UTC) ab",
			"Ein Gerät, das sich „Porch Pi“ nennt, mit dem Schlüssel porch-cam zugelassen",
		},
		"ar": {
			"رفض تسجيل الدخول: كلمة المرور غير صحيحة، 3 مرات، آخرها الساعة 12:05 UTC", "ضبط porch-cam لتنتهي صلاحيته في 3 فبراير 2027 (UTC)",
			"الموافقة على جهاز يسمّي نفسه «Porch Pi»، بالمفتاح porch-cam",
		},
	} {
		got := b.with("Accept-Language", language).get("/activity").want(http.StatusOK).texts(".deed")
		for i, text := range want {
			if plain := strings.NewReplacer("\u2068", "", "\u2069", "").Replace(got[i+1]); plain != text {
				t.Errorf("%s: %q, want %q", language, plain, text)
			}
		}
	}
	if file := b.with("Accept-Language", "ar").get("/activity.csv").want(http.StatusOK).body; !strings.Contains(file, ",wrong password,") {
		t.Errorf("the file is %s", file)
	}
}
