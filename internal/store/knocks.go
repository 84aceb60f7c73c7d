package store

import (
	"context"
	"time"

	"latchkey/internal/model"
)

const (
	// MaxKnocks is how many devices that were refused are remembered, and MaxKnocksOfNetwork how many of one network.
	MaxKnocks          = 1000
	MaxKnocksOfNetwork = 20

	// knocksKept is for how long after its last try a knock is remembered.
	knocksKept = 14 * 24 * time.Hour
)

// knockColumns are the columns of a knock in the order of knockRow.columns.
const knockColumns = `id, value_hash, first_at, last_at, tries, network, address,
	device_name, platform, platform_version, sdk, sdk_version, agent, hint_user, ignored`

// withoutKey leaves out a knock whose value somebody has adopted at the very moment in which it was remembered.
const withoutKey = `NOT EXISTS (SELECT 1 FROM api_keys AS k WHERE k.value_hash = knocks.value_hash)`

const (
	// updateKnock leaves the network as it was: a device that moves takes up no place of another. A token may have named anybody.
	updateKnock = `
UPDATE knocks SET last_at = ?2, tries = tries + 1, address = ?3,
	device_name = ?4, platform = ?5, platform_version = ?6, sdk = ?7, sdk_version = ?8, agent = ?9,
	hint_user = coalesce((SELECT id FROM users WHERE id = ?10), hint_user)
WHERE value_hash = ?1`

	// insertKnock asks for a key with the value while inserting: it may have been created since the device was refused.
	insertKnock = `
INSERT INTO knocks (` + knockColumns + `)
SELECT ?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, coalesce((SELECT id FROM users WHERE id = ?13), ''), FALSE
WHERE NOT EXISTS (SELECT 1 FROM api_keys WHERE value_hash = ?2)
ON CONFLICT DO NOTHING`

	// roomInNetwork and roomForKnock keep the most tried, and of those the ones that were tried last, beside one that was just added.
	roomInNetwork = `
DELETE FROM knocks WHERE id IN (
	SELECT id FROM knocks WHERE network = ?1 AND id <> ?2 ORDER BY tries DESC, last_at DESC LIMIT ?4 OFFSET ?3)`

	roomForKnock = `
DELETE FROM knocks WHERE id IN (
	SELECT id FROM knocks WHERE tries > 0 AND id <> ?1 ORDER BY tries DESC, last_at DESC LIMIT ?3 OFFSET ?2)`

	// selectKnocks has those first that were tried last.
	selectKnocks = `SELECT ` + knockColumns + ` FROM knocks WHERE last_at >= ? AND ignored = ? AND ` + withoutKey + ` ORDER BY last_at DESC`

	countKnocks = `SELECT count(*) FROM knocks WHERE last_at >= ? AND ignored = FALSE AND ` + withoutKey

	// selectKnocksFrom finds by the beginning of an id, which is hexadecimal.
	selectKnocksFrom = `SELECT ` + knockColumns + ` FROM knocks WHERE id >= ?1 AND id < ?2 AND ` + withoutKey + ` ORDER BY id LIMIT ?3`

	ignoreKnock = `UPDATE knocks SET ignored = TRUE WHERE id = ?`

	// forgetHints looks at all there are.
	forgetHints = `UPDATE knocks SET hint_user = '' WHERE last_at >= 0 AND hint_user = ?`

	sweepKnocks = `
DELETE FROM knocks WHERE id IN (
	SELECT id FROM knocks WHERE last_at <= ? LIMIT ?)`
)

// RememberKnock remembers a device that was refused at k.LastAt, or that it was refused once more: then one is added to its tries, and
// k.ID, k.Tries and k.Network are not looked at. Of k.HintUser nothing is kept unless there is such a user. Beyond MaxKnocksOfNetwork and
// MaxKnocks the least tried goes, of those the one whose last try is longest ago. Nothing happens when there is a key with the value.
func (s *Store) RememberKnock(ctx context.Context, k model.Knock) error {
	at, d := k.LastAt.UnixMilli(), k.Device
	return doing("remember knock", s.write(ctx, ofKnocks, func(t tx) error {
		n, err := t.exec(updateKnock, k.ValueHash[:], at, k.Address,
			d.Name, d.Platform, d.PlatformVersion, d.SDK, d.SDKVersion, k.Agent, k.HintUser)
		if err != nil || n > 0 {
			return err
		}
		n, err = t.exec(insertKnock, k.ID, k.ValueHash[:], at, k.Tries, k.Network, k.Address,
			d.Name, d.Platform, d.PlatformVersion, d.SDK, d.SDKVersion, k.Agent, k.HintUser)
		if err != nil || n == 0 {
			return err
		}
		if err := t.later(roomInNetwork, k.Network, k.ID, MaxKnocksOfNetwork-1, sweepBatch); err != nil {
			return err
		}
		return t.later(roomForKnock, k.ID, MaxKnocks-1, sweepBatch)
	}))
}

// Knocks are the devices that were refused and are not ignored, or those that are; first those that tried last.
func (s *Store) Knocks(ctx context.Context, ignored bool) ([]model.Knock, error) {
	var r knockRow
	knocks, err := list(ctx, s, 0, selectKnocks, []any{0, ignored}, r.columns(), r.get)
	return knocks, doing("list knocks", err)
}

// CountKnocks is how many Knocks there are that are not ignored.
func (s *Store) CountKnocks(ctx context.Context) (n int64, err error) {
	err = s.row(ctx, countKnocks, []any{0}, &n)
	return n, doing("count knocks", err)
}

// KnocksFrom are up to limit knocks, ignored or not, whose id begins so.
func (s *Store) KnocksFrom(ctx context.Context, beginning string, limit int) ([]model.Knock, error) {
	var r knockRow
	knocks, err := list(ctx, s, 0, selectKnocksFrom, []any{beginning, beginning + afterAllIDs, limit}, r.columns(), r.get)
	return knocks, doing("find knock", err)
}

// IgnoreKnock has a knock not be listed any more, however often the device tries, or answers ErrNotFound. What an operator did in the browser
// is remembered with it.
func (s *Store) IgnoreKnock(ctx context.Context, id string, acts ...model.OperatorAct) error {
	return doing("ignore knock", s.write(ctx, ofNobody, func(t tx) error {
		if err := t.execOne(ignoreKnock, id); err != nil {
			return err
		}
		for _, act := range acts {
			if err := recordAct(t, act); err != nil {
				return err
			}
		}
		return nil
	}))
}

// knockRow is a row of knocks while it is read.
type knockRow struct {
	k           model.Knock
	hash        []byte
	first, last int64
}

// columns are the places to scan the knockColumns into.
func (r *knockRow) columns() []any {
	k, d := &r.k, &r.k.Device
	return []any{
		&k.ID, &r.hash, &r.first, &r.last, &k.Tries, &k.Network, &k.Address,
		&d.Name, &d.Platform, &d.PlatformVersion, &d.SDK, &d.SDKVersion, &k.Agent, &k.HintUser, &k.Ignored,
	}
}

func (r *knockRow) get() model.Knock {
	k := r.k
	copy(k.ValueHash[:], r.hash)
	k.FirstAt, k.LastAt = fromMillis(r.first), fromMillis(r.last)
	return k
}
