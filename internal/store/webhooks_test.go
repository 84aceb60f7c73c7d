package store

import (
	"crypto/sha256"
	"testing"
	"time"

	"latchkey/internal/model"
)

func TestNoMoreIsQueuedForAWebhookForWhichVeryMuchWaits(t *testing.T) {
	s := openFile(t, newFile(t))
	ctx, now := t.Context(), time.Now()
	user := mustUser(t, s)
	w := model.Webhook{ID: "0a1b2c3d", URL: "https://ops.example.org", Kinds: []model.EventKind{model.EventKeyMade}, Sealed: []byte("sealed"), CreatedAt: now}
	if err := s.AddWebhook(ctx, w, 1, model.OperatorAct{ID: model.NewID(now), At: now}); err != nil {
		t.Fatal(err)
	}
	happens := func(waiting int64) {
		t.Helper()
		if err := s.RecordEvent(ctx, model.Event{UserID: user, At: now, Kind: model.EventKeyMade}); err != nil {
			t.Fatal(err)
		}
		all, err := s.Webhooks(ctx)
		if err != nil || all[0].Waiting != waiting {
			t.Errorf("%d wait, want %d: %v", all[0].Waiting, waiting, err)
		}
	}
	look := func(full, room int) {
		t.Helper()
		began, ended, err := s.LookAfterWebhooks(ctx, now)
		if err != nil || len(began) != full || len(ended) != room {
			t.Errorf("%v, %v, %v", began, ended, err)
		}
		for _, w := range ended {
			if since := w.FullAt; since.UnixMilli() != now.UnixMilli() {
				t.Errorf("nothing was queued since %v, want %v", since, now)
			}
		}
	}
	run(t, s.file.writer.conn, `
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
INSERT INTO webhook_outbox (webhook_id, user_id, event_id, next_at, tries) SELECT '0a1b2c3d', 'user ' || (i % 9), i, 0, 0 FROM n`, webhookFullRows-1)
	happens(webhookFullRows)
	look(1, 0)
	look(0, 0) // it is said once
	happens(webhookFullRows)
	run(t, s.file.writer.conn, `DELETE FROM webhook_outbox WHERE user_id LIKE 'user %' AND CAST(event_id AS INTEGER) BETWEEN 1 AND ?`, webhookFullRows-webhookRoomRows+1)
	look(0, 1)
	look(0, 0)
	happens(webhookRoomRows)
	if err := s.DeleteWebhook(ctx, w.ID, model.OperatorAct{ID: model.NewID(now), At: now}); err != nil {
		t.Error(err)
	}
}

// What waits for webhooks must cost those nothing who create keys where there is none. Compare the three, several times, in one run.
func BenchmarkCreateAKeyWithItsEvent(b *testing.B) {
	for _, with := range []string{"without the trigger", "no webhook", "one webhook"} {
		b.Run(with, func(b *testing.B) {
			s := openFile(b, newFile(b))
			now := time.Now()
			switch with {
			case "without the trigger":
				run(b, s.file.writer.conn, "DROP TRIGGER events_wait_for_webhooks")
			case "one webhook":
				w := model.Webhook{ID: "0a1b2c3d", URL: "https://ops.example.org", Kinds: []model.EventKind{model.EventKeyMade}, Sealed: []byte("sealed"), CreatedAt: now}
				if err := s.AddWebhook(b.Context(), w, 1, model.OperatorAct{ID: model.NewID(now), At: now}); err != nil {
					b.Fatal(err)
				}
			}
			user := mustUser(b, s)
			for b.Loop() {
				now := time.Now()
				k := model.Key{ID: model.NewID(now), UserID: user, CreatedAt: now}
				k.Name = k.ID
				event := model.Event{UserID: user, At: now, Kind: model.EventKeyMade, Actor: model.ActorBrowser, KeyID: k.ID, KeyName: k.Name}
				if err := s.CreateAPIKey(b.Context(), k, sha256.Sum256([]byte(k.ID)), 1<<30, event); err != nil {
					b.Fatal(err)
				}
				if _, err := s.DeleteAPIKey(b.Context(), user, k.ID); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
