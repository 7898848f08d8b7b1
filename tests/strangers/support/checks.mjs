// Named checks in the Test Anything Protocol's words: `ok - name` or `not ok - name: reason`.
import { stripVTControlCharacters } from 'node:util';

let failed = 0;

/** Runs one check, prints its line and goes on whatever happened. */
export async function check(name, body) {
  try {
    await body();
    console.log(`ok - ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`not ok - ${name}: ${reason(error)}`);
  }
}

/** The last line of a program: says how it went by its exit code, and leaves no timer or socket behind. */
export function finish() {
  process.exit(failed === 0 ? 0 : 1);
}

export function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`set ${name}`);
  return value;
}

/** An error with its causes, on one line. */
function reason(error) {
  const parts = [];
  for (let at = error; at && parts.length < 4; at = at.cause) {
    parts.push(at instanceof Error ? `${at.name}: ${at.message}` : JSON.stringify(at));
  }
  return stripVTControlCharacters(parts.join(' <- ')).replace(/\s+/g, ' ').slice(0, 800);
}

// A library's background promise may fail after its check is over: that is a failure too, not a crash without a name.
process.on('unhandledRejection', (error) => {
  failed += 1;
  console.log(`not ok - nothing fails in the background: ${reason(error)}`);
});
