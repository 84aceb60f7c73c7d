package limits

// Lately is a bounded memory of what is in use: one half fills up and becomes the older one, in place of one that is forgotten. What is found
// stays. It has no lock of its own.
type Lately[K comparable, V any] struct {
	Most int // of each half

	recent, older map[K]V
}

// Find is what was last added for a key, unless it was forgotten.
func (l *Lately[K, V]) Find(key K) (V, bool) {
	if v, known := l.recent[key]; known {
		return v, true
	}
	v, known := l.older[key]
	if known {
		l.Add(key, v)
	}
	return v, known
}

// Add remembers something for a key, in place of what was there.
func (l *Lately[K, V]) Add(key K, v V) {
	if _, known := l.recent[key]; !known && (l.recent == nil || len(l.recent) >= l.Most) {
		l.recent, l.older = make(map[K]V), l.recent
	}
	l.recent[key] = v
}

// Len is how many are remembered, those in both halves twice.
func (l *Lately[K, V]) Len() int { return len(l.recent) + len(l.older) }
