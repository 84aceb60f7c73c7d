package upstream

import (
	"context"

	"latchkey/client"
	"latchkey/internal/model"
)

// Sessions lists where the person is signed in there, except this session.
func (p *Person) Sessions(ctx context.Context) (model.Sessions, error) {
	listed, more, err := p.session.AuthSessions(ctx)
	if err != nil {
		return model.Sessions{}, failedOwn(err)
	}
	sessions := model.Sessions{More: more}
	for _, s := range listed {
		if s.Current {
			continue
		}
		sessions.List = append(sessions.List, model.Session{
			ID: s.ID, UserID: p.account.UserID, Provider: s.Provider, KeyID: s.KeyID,
			CreatedAt: s.CreatedAt, ExpiresAt: s.ExpiresAt, LastSeenAt: s.LastSeen,
			Address: s.Address, Agent: s.Agent, DeviceName: s.DeviceName, Platform: s.Platform, SDK: s.SDK,
		})
	}
	return sessions, nil
}

// EndSession ends one of them.
func (p *Person) EndSession(ctx context.Context, id string) error {
	if err := p.session.EndAuthSession(ctx, id); err != nil {
		return failedOwn(err)
	}
	ended := p.event(model.EventSessionEnded, model.Key{})
	ended.Detail = model.EndedElsewhere
	p.record(ctx, ended)
	return nil
}

// EndOthers ends all of them.
func (p *Person) EndOthers(ctx context.Context) error {
	if err := p.session.EndOtherAuthSessions(ctx); err != nil {
		return failedOwn(err)
	}
	return nil
}

// SignOut ends this session. What is recorded of it goes with the web session that holds it.
func (p *Person) SignOut(ctx context.Context) error {
	if err := p.session.Logout(ctx); err != nil && !client.IsUnauthorized(err) {
		return failed(err)
	}
	return nil
}
