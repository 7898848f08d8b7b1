// What the hosts of the private internet were asked.
import { required } from './checks.mjs';

/** Of one host: lookups, handshakes, requests, bytes; and by address the connections of all hosts. */
export async function asked(name) {
  return (await fetch(`${required('KEYWARD_INTERNET')}/${name}`)).json();
}
