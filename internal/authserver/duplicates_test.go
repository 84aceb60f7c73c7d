package authserver

import "testing"

func TestAMemberThatIsThereTwiceIsFound(t *testing.T) {
	for body, want := range map[string]bool{
		`{}`: false, `{"a":1}`: false, `{"a":1,"b":2}`: false, `{"a":{"a":1},"b":{"a":1}}`: false, `{"a":["a","a"]}`: false, `{"a":"a","b":"a"}`: false, `{"a":[{"b":1},{"b":1}]}`: false,
		`{"a":1,"a":1}`: true, `{"a":1,"A":1}`: true, `{"k":1,"\u212a":1}`: true, `{"s":1,"ſ":1}`: true, `{"a":1,"\u0061":1}`: true, `{"":1,"":2}`: true,
		`{"x":{"a":1,"b":[],"a":1}}`: true, `{"x":[[{"a":{},"a":{}}]]}`: true, `{"a":{"b":{}},"c":[1,{"d":null}],"a":null}`: true, `{"a":[{}],"a":1}`: true,
	} {
		if got := hasDuplicateNames([]byte(body)); got != want {
			t.Errorf("%s: %v", body, got)
		}
	}
}
