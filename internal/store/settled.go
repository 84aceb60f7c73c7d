package store

import "context"

// Settled waits until no write about a user is on its way any more. Whoever has heard that the answer to a commit got lost may look
// then at what came of it: before, the database may still be saving what nobody waits for.
func (s *Store) Settled(ctx context.Context, _ string) error {
	return doing("wait for a write", s.writer.do(ctx, func(*tx) error { return nil }))
}
