package authserver

import (
	"net/http"
	"time"

	"latchkey/internal/model"
)

// replaceKey has a key that is there take the place of another. It is a call of our own.
func (s *Server) replaceKey(r *http.Request, who principal) (answer, error) {
	var in replacementRequest
	if err := decode(r, &in); err != nil {
		return answer{}, err
	}
	if in.NewKey == "" {
		return answer{}, refuse(kindMissingField, "new_key")
	}
	if in.Quiet < 0 || in.Quiet > int64(model.MostQuiet/time.Second) { // or it would be another number of nanoseconds
		return answer{}, refuse(kindNoReplacement, "quiet must be from an hour to a week")
	}
	how := model.Replacing{Finish: model.Finish(in.Finish), Quiet: time.Duration(in.Quiet) * time.Second}
	key, err := s.as(r, who).ReplaceKeyWith(r.Context(), r.PathValue("id"), in.NewKey, how)
	return answer{status: http.StatusCreated, body: wireReplacementOf(key.Replaced)}, err
}

// fetchReplacement tells how far the replacement of a key has come.
func (s *Server) fetchReplacement(r *http.Request, who principal) (answer, error) {
	key, err := s.as(r, who).Key(r.Context(), r.PathValue("id"))
	switch {
	case err != nil:
		return answer{}, err
	case key.Replaced.NewID == "":
		return answer{}, refuse(kindNotReplaced)
	}
	return answer{status: http.StatusOK, body: wireReplacementOf(key.Replaced)}, nil
}

// endReplacement undoes the replacement of a key, which is on afterwards if that has turned it off.
func (s *Server) endReplacement(r *http.Request, who principal) (answer, error) {
	_, err := s.confirmed(r, who).EndReplacement(r.Context(), r.PathValue("id"))
	return answer{status: http.StatusNoContent}, err
}

type replacementRequest struct {
	NewKey string `json:"new_key"`
	Finish string `json:"finish"`
	Quiet  int64  `json:"quiet"` // in seconds
}

// wireReplacement is of a key that another takes the place of. What never happened is absent.
type wireReplacement struct {
	NewKey    string    `json:"new_key"`
	NewName   string    `json:"new_name"`
	Finish    string    `json:"finish"`
	State     string    `json:"state"`
	Quiet     int64     `json:"quiet"`
	StartedAt wireTime  `json:"started_at"`
	NewUsedAt *wireTime `json:"new_used_at,omitempty"`
	OldSeenAt *wireTime `json:"old_seen_at,omitempty"`
	EndedAt   *wireTime `json:"ended_at,omitempty"`
}

func wireReplacementOf(r model.Replacement) *wireReplacement {
	if r.NewID == "" {
		return nil
	}
	return &wireReplacement{
		NewKey: r.NewID, NewName: r.NewName, Finish: string(r.Finish), State: string(r.State), Quiet: int64(r.Quiet / time.Second),
		StartedAt: wireTime(r.StartedAt), NewUsedAt: wireTimeIf(r.NewUsedAt), OldSeenAt: wireTimeIf(r.OldSeenAt), EndedAt: wireTimeIf(r.EndedAt),
	}
}
