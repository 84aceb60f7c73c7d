package store

import (
	"context"
	"database/sql"
	"errors"

	"latchkey/internal/model"
)

// peopleRows is how many rows a look for people reads: a person has one for each way in which they sign in. It is enough for MaxPeople of whom
// each has two; where they have more, fewer are found at once.
const peopleRows = 2 * MaxPeople

// MaxPeople is about how many people one look finds.
const MaxPeople = 50

// personColumns are the columns of a user u and of one of their identities i, in the order of personRow.columns. A person was seen when
// they last were somewhere signed in that is not over, or had a device sign in. Users have few keys and few sessions that no key opened.
const personColumns = `u.id, u.created_at, u.disabled_at,
	(SELECT count(*) FROM api_keys AS k WHERE k.user_id = u.id),
	(SELECT max(s.last_seen_at) FROM auth_sessions AS s WHERE s.user_id = u.id AND s.key_id IS NULL),
	(SELECT max(w.last_seen_at) FROM web_sessions AS w WHERE w.user_id = u.id),
	(SELECT max(y.last_used_at) FROM key_uses AS y WHERE y.user_id = u.id),
	EXISTS (SELECT 1 FROM operators AS o WHERE o.user_id = u.id),
	EXISTS (SELECT 1 FROM passkeys AS p WHERE p.user_id = u.id),
	coalesce(i.id, ''), coalesce(i.provider, ''), coalesce(i.subject, ''), coalesce(i.email, ''), coalesce(i.data, ''), coalesce(i.pending, FALSE)`

const (
	// selectPeopleByID are all.
	selectPeopleByID = `
SELECT u.id, ` + personColumns + `
FROM users AS u LEFT JOIN identities AS i ON i.user_id = u.id
WHERE u.id > ?1 AND NOT EXISTS (SELECT 1 FROM server_keys AS s WHERE s.user_id = u.id)
ORDER BY u.id, i.id LIMIT ?2`

	selectPerson = `
SELECT u.id, ` + personColumns + `
FROM users AS u LEFT JOIN identities AS i ON i.user_id = u.id
WHERE u.id = ?1 AND NOT EXISTS (SELECT 1 FROM server_keys AS s WHERE s.user_id = u.id)
ORDER BY i.id LIMIT ?2`

	// selectPeopleBySubject are those whom a provider calls something in a range, without what it begins behind. It has one lower bound: of
	// two SQLite would take one, and go through everybody between them.
	selectPeopleBySubject = `
SELECT f.subject, ` + personColumns + `
FROM identities AS f JOIN users AS u ON u.id = f.user_id JOIN identities AS i ON i.user_id = f.user_id
WHERE f.provider = ?1 AND f.subject >= ?2 AND f.subject < ?3 AND f.subject <> ?4
ORDER BY f.subject, i.id LIMIT ?5`

	// selectPeopleBySpelling are those whose addresses have one spelling: few, those first whose address is confirmed.
	selectPeopleBySpelling = `
SELECT f.id, ` + personColumns + `
FROM identities AS f JOIN users AS u ON u.id = f.user_id JOIN identities AS i ON i.user_id = f.user_id
WHERE f.provider = '` + model.ProviderEmailPassword + `' AND f.spelling = ?1
ORDER BY f.pending LIMIT ?2`

	// selectProviderAfter finds the providers one by one, without looking at what is theirs.
	selectProviderAfter = `SELECT provider FROM identities WHERE provider > ? ORDER BY provider LIMIT 1`

	selectFirstEvent = `SELECT kind, detail FROM events WHERE user_id = ? ORDER BY id LIMIT 1`
)

// Range says among whom to look for people.
type Range struct {
	// Provider is who calls them something between From and Before; "" is this server, and all of them by their ids.
	Provider string
	// Spelled is what model.OneSpelling makes of their addresses; "" where that does not matter. There is one page of those.
	Spelled string
	// From is the first that is in the range, and Before the first one that is not any more.
	From, Before string
}

// FoundPerson is a person with all ways in which they sign in, of which no secret is read.
type FoundPerson struct {
	model.UserFacts
	Identities []model.Identity
	Passkeys   bool // they have some
}

// PeopleFound are people in a range, in its order, and behind which place the next ones are; "" when there are none.
type PeopleFound struct {
	List []FoundPerson
	More string
}

// People are those in a range behind a place in it, "" for the first: so many, MaxPeople at most, and those in one place with the last.
func (s *Store) People(ctx context.Context, r Range, after string, most int) (PeopleFound, error) {
	text, args := selectPeopleByID, []any{after, peopleRows}
	switch {
	case r.Spelled != "":
		text, args = selectPeopleBySpelling, []any{r.Spelled, peopleRows}
	case r.Provider != "":
		text, args = selectPeopleBySubject, []any{r.Provider, max(r.From, after), r.Before, after, peopleRows}
	}
	var row personRow
	rows, err := list(ctx, s, 0, text, args, row.columns(), row.get)
	if err != nil {
		return PeopleFound{}, doing("find people", err)
	}
	found := grouped(rows, most)
	if r.Spelled != "" {
		found.More = ""
	}
	return found, nil
}

// Person is one user who is a person, or ErrNotFound.
func (s *Store) Person(ctx context.Context, id string) (FoundPerson, error) {
	var row personRow
	rows, err := list(ctx, s, 0, selectPerson, []any{id, peopleRows}, row.columns(), row.get)
	if err == nil && len(rows) == 0 {
		err = model.ErrNotFound
	}
	if err != nil {
		return FoundPerson{}, doing("find person", err)
	}
	for i := range rows {
		rows[i].place = "" // there is but one
	}
	return grouped(rows, 1).List[0], nil
}

// grouped puts together what is of one person. Of whom the last rows are it is not known whether there are more: they come the next time.
func grouped(rows []personAt, most int) (found PeopleFound) {
	whole := len(rows)
	if whole == peopleRows {
		for whole > 0 && rows[whole-1].place == rows[len(rows)-1].place {
			whole--
		}
		if whole == 0 { // all are in one place
			whole = len(rows)
		}
		found.More = rows[whole-1].place
	}
	at := map[string]int{}
	for n, r := range rows[:whole] {
		i, known := at[r.person.ID]
		if !known {
			if len(found.List) >= most && r.place != rows[n-1].place {
				found.More = rows[n-1].place
				return found
			}
			i = len(found.List)
			at[r.person.ID] = i
			found.List = append(found.List, r.person)
		}
		if r.identity.ID != "" {
			found.List[i].Identities = append(found.List[i].Identities, r.identity)
		}
	}
	return found
}

// ProviderAfter is the next provider with which somebody signs in, by name; "" when there is none.
func (s *Store) ProviderAfter(ctx context.Context, provider string) (next string, err error) {
	err = s.row(ctx, selectProviderAfter, []any{provider}, &next)
	if errors.Is(err, model.ErrNotFound) {
		return "", nil
	}
	return next, doing("find provider", err)
}

// FirstEvent is what happened to a user first that is remembered, as far as its kind and detail say, or ErrNotFound.
func (s *Store) FirstEvent(ctx context.Context, userID string) (model.Event, error) {
	e := model.Event{UserID: userID}
	var kind string
	err := s.row(ctx, selectFirstEvent, []any{userID}, &kind, &e.Detail)
	e.Kind = model.EventKind(kind)
	return e, doing("find first event", err)
}

// personAt is a row of what personColumns select, and where in its range it is.
type personAt struct {
	place    string
	person   FoundPerson
	identity model.Identity // the zero value of a user who has none
}

// personRow is such a row while it is read.
type personRow struct {
	personAt
	created                  int64
	disabled, seen, web, use sql.NullInt64
}

func (r *personRow) columns() []any {
	p, i := &r.person, &r.identity
	return []any{
		&r.place, &p.ID, &r.created, &r.disabled, &p.Keys, &r.seen, &r.web, &r.use, &p.Operator, &p.Passkeys,
		&i.ID, &i.Provider, &i.Subject, &i.Email, &i.Data, &i.Pending,
	}
}

func (r *personRow) get() personAt {
	at := r.personAt
	at.person.CreatedAt, at.person.DisabledAt = fromMillis(r.created), fromNullMillis(r.disabled)
	at.person.LastSeen = fromMillisOrZero(max(r.seen.Int64, r.web.Int64, r.use.Int64))
	at.identity.UserID = at.person.ID
	return at
}
