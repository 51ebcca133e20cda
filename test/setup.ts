/**
 * Property tests draw from one seed, so that the same commit is judged the same each time: LOTUS_SEED=N draws other cases, LOTUS_SEED=random new ones
 * each time. A failing case prints its seed and path.
 */
import fc from 'fast-check';

const DEFAULT_SEED = 20_260_630;
const wanted = process.env['LOTUS_SEED'] ?? String(DEFAULT_SEED);

if (wanted !== 'random') {
  const seed = Number(wanted);
  if (!Number.isInteger(seed)) throw new RangeError(`Cannot use LOTUS_SEED "${wanted}", expected an integer or "random"`);
  fc.configureGlobal({ ...fc.readConfigureGlobal(), seed });
}
