// What readers stumble over: words, names, letters, values, encodings.
import { NUMBERS, TEXTS } from './plain.mjs';

/** What a token without scope, or one for reading, must not get done. */
export const FORBIDDEN = [
  { method: 'tools/call', params: { name: 'delete_note', arguments: {} } },
  { method: 'tools/call', params: { name: 'write_note', arguments: { key: '../etc', content: 'DROP TABLE notes' } } },
  { method: 'tools/call', params: { name: 'write_note', arguments: { key: 'a', confirm: false } } },
];
export const MEMBERS = [
  'jsonrpc', 'id', 'method', 'params', 'result', 'error', 'name', 'arguments', 'key', 'content', 'confirm', '_method',
  'tool', '__proto__', 'constructor', '_meta', 'uri', '$type', '@type',
];
export const WORDS = [
  'tools/call', 'Tools/Call', 'tools/call ', 'tools/call\0', 'tools\\/call', 'tools//call', 'tools/ca\u017f', 'ping',
  'notifications/initialized', 'notifications/tools/call', 'tasks/get', 'logging/setLevel', 'vendor/delete', 'rpc.x',
  'delete_note', 'Delete_Note', 'delete_note\u200b', ' delete_note', 'write_note', 'write_note\0', 'read_note', '2.0',
  'a', '../etc', 'DROP TABLE', 'drop\u0009table', 'abc\n', 'initialize', 'server/discover',
];
// Other letters that fold to these under some rule or other.
export const FOLDS = {
  a: 'AａªÁ', c: 'Cｃᶜ', d: 'Dｄ', e: 'Eｅé', f: 'Fｆ', g: 'G', h: 'Hｈ', i: 'IıİⅠ', j: 'J', k: 'K\u212aｋ', l: 'L', m: 'Mｍⅿ',
  n: 'N', o: 'Oºо', p: 'Pр', r: 'R', s: 'S\u017fｓ', t: 'Tｔ', u: 'Uµ', y: 'Y', _: '-＿',
};
export const HIDDEN = [
  '\0', '\x01', '\t', '\n', '\r', '\x1b', '\x7f', '\x80', '\u00a0', '\u00ad', '\u034f', '\u061c', '\u115f', '\u180e',
  '\u200b', '\u200d', '\u200e', '\u2028', '\u202e', '\u2060', '\u2800', '\u3164', '\ufe0f', '\ufeff',
  '\uffff', '\u0301', '\u{e0020}', '\u{e0100}', ' ', '\ud800', '\udc00',
];
export const ODD = [
  ...NUMBERS, ...TEXTS, 'NaN', 'Infinity', '-Infinity', '01', '+1', '.5', '1.', '0x10', '1e', '-',
  'undefined', 'True', 'None', "'a'", '"\\ud800"', '"\\udc00\\ud800"', '"\\x41"', '"\\u{41}"', '"\\\n"', '"a\nb"',
  '"\\u00"', '"\\a"',
  '`a`', '1_000', '1n',
];
export const CHARSETS = [
  'utf-8', 'UTF-8', '"utf-8"', 'utf8', 'utf-7', 'UTF-7', 'utf-7-imap', 'utf-16', 'utf-16le', 'utf-16be',
  'utf-32', 'utf-32le', 'us-ascii', 'iso-8859-1', 'windows-1252', 'shift_jis', 'iso-2022-kr', 'hz-gb-2312',
  'gb18030', 'ibm037', 'cesu-8',
  'x-user-defined', '', 'utf-8, utf-7', 'utf-8; charset=utf-7',
];
export const TYPES = [
  'application/json', 'application/json;', 'Application/JSON', 'application/json; charset=utf-8',
  'application/json;charset=utf-7', 'application/json; boundary=x', 'application/json, text/plain',
  'application/vnd.api+json', 'application/json-rpc',
  'application/json5', 'text/plain', 'text/json', 'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x', 'application/json\t; charset=utf-16', 'application/json; profile="charset=utf-7"',
  'application/json; CHARSET=UTF-7', '',
  "application/json; charset*=utf-8''utf-7", 'application/json ; a=b', 'application/x-ndjson',
];
