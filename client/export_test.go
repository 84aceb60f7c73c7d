package client

import (
	"context"
	"time"
)

// SetClock gives c another clock.
func (c *Client) SetClock(now func() time.Time) { c.now = now }

// SetPause gives c something to do in place of waiting.
func (c *Client) SetPause(pause func(context.Context) error) { c.pause = pause }

// SameHost compares two base URLs.
var SameHost = sameHost
