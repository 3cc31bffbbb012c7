// Made by `make generate` from metrics.json; do not edit.
// Upper bounds of the histograms' buckets, in ms.

const BOUNDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 30000, 60000];

export default { BOUNDS };
