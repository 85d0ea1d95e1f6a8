import fc from "fast-check";

// For mutation testing, where every property runs for every mutant: a second of random
// cases each, and no search for the smallest one that fails.

fc.configureGlobal({ interruptAfterTimeLimit: 1000, endOnFailure: true });
