package app

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/handlers"
)

func TestWebSessionsAreKeptInTheStoreUnderTheDashboardsErrors(t *testing.T) {
	t.Parallel()
	rows := webSessions{run(t, testConfig(t)).store}
	ctx, now := t.Context(), time.UnixMilli(1_800_000_000_000).UTC()
	row := handlers.WebSessionRow{IDHash: [32]byte{7}, Sealed: []byte("sealed"), CreatedAt: now, LastSeenAt: now, ExpiresAt: now.Add(time.Hour)}

	if _, err := rows.WebSession(ctx, row.IDHash); !errors.Is(err, handlers.ErrNoWebSession) {
		t.Errorf("before it is made: %v", err)
	}
	if err := rows.CreateWebSession(ctx, row); err != nil {
		t.Fatal(err)
	}
	got, err := rows.WebSession(ctx, row.IDHash)
	if err != nil {
		t.Fatal(err)
	}
	row.Version = got.Version
	if diff := cmp.Diff(row, got); diff != "" {
		t.Error(diff)
	}

	row.Sealed, row.LastSeenAt = []byte("sealed anew"), now.Add(time.Minute)
	if err := rows.UpdateWebSession(ctx, row); err != nil {
		t.Fatal(err)
	}
	if err := rows.UpdateWebSession(ctx, row); !errors.Is(err, handlers.ErrStaleWebSession) {
		t.Errorf("an update of what has changed since: %v", err)
	}
	for range 2 { // gone already is as good
		if err := rows.DeleteWebSession(ctx, row.IDHash); err != nil {
			t.Fatal(err)
		}
	}
	if err := rows.UpdateWebSession(ctx, row); !errors.Is(err, handlers.ErrNoWebSession) {
		t.Errorf("an update of what is gone: %v", err)
	}
}
