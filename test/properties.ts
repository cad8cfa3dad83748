import fc from 'fast-check';

// A person draws other cases with each run; what decides on a change draws the same ones for every change, so that
// only the change decides.
const seed = process.env['PROPERTY_SEED'];
if (seed !== undefined) fc.configureGlobal({ seed: Number(seed) });

/** Properties that hold for whatever is drawn; a failure prints the seed it was drawn from. */
export { fc };
