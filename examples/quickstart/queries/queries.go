package queries

import "math/rand/v2"

// The popularity of the query of rank k falls as (flatness+k)^-steepness. With
// these values the 30 most popular of some 700 queries draw about a third of
// the traffic and the 160 most popular about two thirds.
const (
	steepness = 1.01
	flatness  = 8
)

// Mix returns n search queries in the order in which a load generator should
// send them. The queries that are popular are the same for every seed; the
// seed decides the order and the draws. A seed always gives the same sequence,
// and a longer mix starts with the shorter one of the same seed. It returns an
// empty slice when n is zero or negative.
func Mix(seed int64, n int) []string {
	vocabulary := ranked()
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	zipf := rand.NewZipf(random, steepness, flatness, uint64(len(vocabulary)-1))
	mix := make([]string, 0, max(n, 0))
	for range n {
		mix = append(mix, vocabulary[zipf.Uint64()])
	}
	return mix
}

// ranked lists every query, the most popular first. Subjects and questions are
// combined and then shuffled with a constant seed, since popularity has
// nothing to do with the order in which the words are written down below.
func ranked() []string {
	all := make([]string, 0, len(subjects)*len(questions))
	for _, subject := range subjects {
		for _, question := range questions {
			all = append(all, subject+" "+question)
		}
	}
	random := rand.New(rand.NewPCG(1, 1))
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}
