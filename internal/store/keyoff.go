package store

import "time"

const (
	// turnOffAPIKey counts the sessions that the key has, before they go. It changes nothing when the key is off.
	turnOffAPIKey = `
UPDATE api_keys SET disabled = TRUE, off_at = ?3,
	off_sessions = (SELECT count(*) FROM auth_sessions AS a WHERE a.user_id = ?1 AND a.key_id = ?2 AND a.expires_at > ?3),
	off_access_until = CASE WHEN EXISTS (
		SELECT 1 FROM auth_sessions AS a WHERE a.user_id = ?1 AND a.key_id = ?2 AND a.expires_at > ?3 AND a.last_seen_at >= ?4
	) THEN CAST(?5 AS BIGINT) END
WHERE user_id = ?1 AND id = ?2 AND disabled = FALSE`

	// turnOnAPIKey changes nothing when the key is on.
	turnOnAPIKey = `
UPDATE api_keys SET disabled = FALSE, off_at = NULL, off_sessions = 0, off_access_until = NULL
WHERE user_id = ? AND id = ? AND disabled = TRUE`

	forgetFirstRefusal = `UPDATE key_uses SET first_refused_at = NULL WHERE user_id = ? AND key_id = ?`
)

// Turn is how a key is turned on or off.
type Turn struct {
	Off bool
	At  time.Time
	// Access is for how long at most what a session handed out goes on after it, of a session that was seen within Quiet before.
	Access, Quiet time.Duration
	// AskName says that a key whose value leaked is turned on by its name alone, which is Named.
	AskName bool
	Named   string
}

// statement is what turns a key of a user.
func (t Turn) statement(userID, id string) (text string, args []any) {
	if !t.Off {
		return turnOnAPIKey, []any{userID, id}
	}
	at := t.At.UnixMilli()
	return turnOffAPIKey, []any{userID, id, at, at - t.Quiet.Milliseconds(), at + t.Access.Milliseconds()}
}
