package app

import (
	"context"
	"fmt"
	"slices"

	"latchkey/handlers"
	"latchkey/internal/model"
)

// exchange is what of a token for another service is counted.
type exchange struct{ audience, outcome string }

// noAudience stands for whatever is asked for and is none. No audience is called so, and what was asked for instead is for nobody to see.
const noAudience = "-"

// countedExchange is a handlers.TokenExchange whose tokens are counted.
type countedExchange struct {
	tokens    handlers.TokenExchange
	metrics   *metrics
	audiences []model.Audience
}

// Exchange is that of the server.
func (c countedExchange) Exchange(ctx context.Context, subject model.Secret, audience string) (model.ServiceToken, error) {
	token, err := c.tokens.Exchange(ctx, subject, audience)
	if !slices.ContainsFunc(c.audiences, func(a model.Audience) bool { return a.Name == audience }) {
		audience = noAudience
	}
	c.metrics.countExchange(exchange{audience, exchangeOutcome(err)})
	return token, err
}

func exchangeOutcome(err error) string {
	switch {
	case err == nil:
		return "good"
	case model.Is(err, model.KindSessionOver), model.Is(err, model.KindNotFound):
		return "refused"
	case model.Is(err, model.KindTooManyActs):
		return "limited"
	default:
		return "failed"
	}
}

func (m *metrics) countExchange(what exchange) {
	m.mu.Lock()
	defer m.mu.Unlock()
	counted := m.exchanges[what]
	if counted == nil {
		counted = m.set.NewCounter(fmt.Sprintf(`latchkey_token_exchanges_total{audience=%q,outcome=%q}`, what.audience, what.outcome))
		m.exchanges[what] = counted
	}
	counted.Inc()
}

// exchanges gives tokens for these services, and counts them. Without any there is nothing to give.
func (d *admin) exchanges(tokens handlers.TokenExchange, audiences []model.Audience) handlers.TokenExchange {
	switch {
	case len(audiences) == 0:
		return nil
	case d == nil:
		return tokens
	default:
		return countedExchange{tokens, d.metrics, audiences}
	}
}
