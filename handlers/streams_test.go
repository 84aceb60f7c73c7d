package handlers

import (
	"strconv"
	"testing"
)

func TestThereAreNoMoreStreamsThanTheProgramCanServe(t *testing.T) {
	t.Parallel()
	s := newPlaces(streamsEach, streamsMost)
	open := 0
	for person := 0; s.enter(strconv.Itoa(person / streamsEach)); person++ {
		open++
	}
	if open != streamsMost {
		t.Errorf("%d streams are open", open)
	}
	if s.enter("one more") {
		t.Error("there is room for one more")
	}
	s.leave("0")
	if !s.enter("one more") || s.enter("another") {
		t.Error("one that leaves makes room for one")
	}
}
