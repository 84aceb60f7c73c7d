package handlers

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"testing"
)

// Corpus reads the texts of a file in testdata: one on each line, quoted as Go quotes it, and after it how often it is repeated
// unless that is once.
func Corpus(t testing.TB, name string) []string {
	t.Helper()
	file, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }() // only read from
	var texts []string
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if line := lines.Text(); line != "" && line[0] != '#' {
			texts = append(texts, unquote(t, line))
		}
	}
	if lines.Err() != nil {
		t.Fatal(lines.Err())
	}
	return texts
}

func unquote(t testing.TB, line string) string {
	t.Helper()
	quoted, err := strconv.QuotedPrefix(line)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	text, _ := strconv.Unquote(quoted) // QuotedPrefix has read it
	times := strings.TrimSpace(line[len(quoted):])
	if times == "" {
		return text
	}
	n, err := strconv.Atoi(times)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return strings.Repeat(text, n)
}
