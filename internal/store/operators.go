package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"latchkey/internal/model"
)

// operates says of a user, who is named by an expression, that they are an operator who is not disabled.
func operates(user string) string {
	return `EXISTS (SELECT 1 FROM operators AS o JOIN users AS ou ON ou.id = o.user_id WHERE o.user_id = ` + user + ` AND ou.disabled_at IS NULL)`
}

// calledOf is what a user is called: an address with which they sign in by password, what a provider says, or "".
func calledOf(user string) string {
	return `coalesce(
	(SELECT c.subject FROM identities AS c WHERE c.user_id = ` + user + ` AND c.provider = '` + model.ProviderEmailPassword + `' ORDER BY c.id LIMIT 1),
	(SELECT coalesce(nullif(c.email, ''), c.subject) FROM identities AS c WHERE c.user_id = ` + user + ` ORDER BY c.id LIMIT 1), '')`
}

var (
	selectOperator = `SELECT 1 FROM users AS u WHERE u.id = ? AND ` + operates("u.id")

	// selectOtherOperator finds an operator besides a user.
	selectOtherOperator = `
SELECT 1 FROM operators AS p WHERE p.user_id > '' AND p.user_id <> ? AND ` + operates("p.user_id") + ` LIMIT 1`

	// insertAct asks for the role while inserting: an act whose operator is none any more is not done.
	insertAct = `
INSERT INTO operator_acts (id, at, operator_id, act, user_id, key_id, detail, address, agent)
SELECT ?1, ?2, u.id, ?4, ?5, ?6, ?7, ?8, ?9 FROM users AS u WHERE u.id = ?3 AND ` + operates("u.id")

	selectActs = `
SELECT a.id, a.at, a.operator_id, ` + calledOf("a.operator_id") + `, a.act, a.user_id, ` + calledOf("a.user_id") + `, a.key_id, a.detail, a.address, a.agent
FROM operator_acts AS a WHERE a.id < ? ORDER BY a.id DESC LIMIT ?`
)

const (
	selectRole = `SELECT 1 FROM operators WHERE user_id = ?`

	insertOperator = `
INSERT INTO operators (user_id, created_at) SELECT u.id, CAST(?2 AS BIGINT) FROM users AS u WHERE u.id = ?1
ON CONFLICT (user_id) DO NOTHING`

	deleteOperator = `DELETE FROM operators WHERE user_id = ?`

	// countOperators counts few: they are named one by one on the command line.
	countOperators = `SELECT count(*) FROM operators WHERE user_id > ?`

	sweepActs = `
DELETE FROM operator_acts WHERE id IN (
	SELECT id FROM operator_acts WHERE at <= ? LIMIT ?)`
)

// SetOperator has a user be an operator or not be one, and says whether that changed anything. It answers ErrNotFound when there is no
// such user.
func (s *Store) SetOperator(ctx context.Context, userID string, is bool, now time.Time) (changed bool, err error) {
	err = s.write(ctx, ofUser(userID), func(t tx) error {
		if _, err := selectedUser(t, userID); err != nil {
			return err
		}
		if err := t.lock(ofOperators); err != nil {
			return err
		}
		text, args := deleteOperator, []any{userID}
		if is {
			text, args = insertOperator, []any{userID, now.UnixMilli()}
		}
		n, err := t.exec(text, args...)
		changed = n > 0
		return err
	})
	return changed, doing("set operator", err)
}

// HasRole says whether a user is an operator, disabled or not.
func (s *Store) HasRole(ctx context.Context, userID string) (bool, error) {
	return s.finds(ctx, "find operator", selectRole, userID)
}

// Operates says whether a user is an operator who is not disabled.
func (s *Store) Operates(ctx context.Context, userID string) (bool, error) {
	return s.finds(ctx, "find operator", selectOperator, userID)
}

func (s *Store) finds(ctx context.Context, what, text string, args ...any) (bool, error) {
	err := s.row(ctx, text, args, new(int))
	if errors.Is(err, model.ErrNotFound) {
		return false, nil
	}
	return err == nil, doing(what, err)
}

// CountOperators is how many operators there are, disabled or not.
func (s *Store) CountOperators(ctx context.Context) (n int64, err error) {
	return n, doing("count operators", s.row(ctx, countOperators, []any{""}, &n))
}

// recordAct is the part of an act that remembers which operator did it: both are saved, or neither. It answers ErrNoOperator when they are
// none any more. What it locks comes last in every transaction.
func recordAct(t tx, act model.OperatorAct) error {
	if err := t.lock(ofOperators); err != nil {
		return err
	}
	err := t.execOne(insertAct, actArgs(act)...)
	if errors.Is(err, model.ErrNotFound) {
		return model.ErrNoOperator
	}
	return err
}

func actArgs(act model.OperatorAct) []any {
	return []any{
		act.ID, act.At.UnixMilli(), act.OperatorID, string(act.Act), act.UserID, act.KeyID, act.Detail, act.Address, act.Agent,
	}
}

// byOperator says whether it is an operator in the browser whose act the events are of.
func byOperator(events []model.Event) bool {
	return slices.ContainsFunc(events, func(e model.Event) bool { return e.By != nil })
}

// notTheLast refuses, in the transaction of an operator's act, to disable a user who is the last operator. Nobody else is disabled
// meanwhile who is one.
func notTheLast(t tx, userID string) error {
	switch err := t.row(selectOperator, []any{userID}, new(int)); {
	case errors.Is(err, model.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	err := t.row(selectOtherOperator, []any{userID}, new(int))
	if errors.Is(err, model.ErrNotFound) {
		return model.ErrLastOperator
	}
	return err
}

// FindValue finds the key that has the value with a hash, whosever it is, or answers ErrNotFound. The look is an act of an operator, which is
// remembered whatever it finds. It gives the key also when it is unclear whether that was saved.
func (s *Store) FindValue(ctx context.Context, valueHash [32]byte, act model.OperatorAct) (k model.Key, err error) {
	found := false
	err = s.write(ctx, ofNobody, func(t tx) error {
		k, found = model.Key{}, false
		of := act
		var created int64
		switch err := t.row(selectKeyOfValue, []any{valueHash[:]}, scanKey(&k, &created)...); {
		case err == nil:
			found, k.CreatedAt = true, fromMillis(created)
			of.UserID, of.KeyID, of.Detail = k.UserID, k.ID, k.Name
			switch err := t.row(selectServerKeyUser, []any{k.UserID}, new(string), new(string)); {
			case err == nil: // it belongs to nobody
				of.UserID = ""
			case !errors.Is(err, model.ErrNotFound):
				return err
			}
		case !errors.Is(err, model.ErrNotFound):
			return err
		}
		return recordAct(t, of)
	})
	if err == nil && !found {
		err = model.ErrNotFound
	}
	return k, doing("find value", err)
}

const selectKeyOfValue = `SELECT user_id, id, name, disabled, created_at FROM api_keys WHERE value_hash = ?`

// Acts are up to limit acts of operators, newest first: those before one, or the newest.
func (s *Store) Acts(ctx context.Context, before string, limit int) ([]model.OperatorAct, error) {
	if before == "" {
		before = afterAllIDs
	}
	var a model.OperatorAct
	var at int64
	var what string
	acts, err := list(ctx, s, 0, selectActs, []any{before, limit},
		[]any{&a.ID, &at, &a.OperatorID, &a.Operator, &what, &a.UserID, &a.User, &a.KeyID, &a.Detail, &a.Address, &a.Agent},
		func() model.OperatorAct {
			a.At, a.Act = fromMillis(at), model.Act(what)
			return a
		})
	return acts, doing("list acts", err)
}
