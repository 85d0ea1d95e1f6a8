import fc from "fast-check";

// For mutation testing, where every property runs for every mutant: 0.4 seconds of random cases each, without
// shrinking.

fc.configureGlobal({ interruptAfterTimeLimit: 400, endOnFailure: true });
