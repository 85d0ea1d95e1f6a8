import fc from "fast-check";

// For mutation testing, where every property runs for every mutant: four tenths of a second of random
// cases each, and no search for the smallest one that fails.

fc.configureGlobal({ interruptAfterTimeLimit: 400, endOnFailure: true });
