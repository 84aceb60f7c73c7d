package views

import "strconv"

// Room is the model of the page on which several keys are deleted at once, to make room for new ones.
type Room struct {
	Page
	Quota Quota
	// List are the keys to consider, the best candidate first. Chosen are those that are asked about.
	List, Chosen []Key
	// Results say what became of those that were to be deleted.
	Results []RoomResult
	Error   string
	// Failure says why the keys could not be read.
	Failure *Notice
}

// RoomResult is what became of one key.
type RoomResult struct {
	ID, Name, Text string
	// There says that the key is there still, or may be.
	There bool
}

// question is the heading of the confirmation, act what its button says.
func (m Room) question() string { return m.act() + "?" }

func (m Room) act() string {
	if len(m.Chosen) == 1 {
		return "Delete " + m.Chosen[0].Name
	}
	return "Delete " + strconv.Itoa(len(m.Chosen)) + " keys"
}
