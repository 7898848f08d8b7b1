// A terminal of a newcomer: a folder, the programs on its path, and somebody who types and opens addresses.
import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { required } from '../checks.mjs';

/** Longer than any command takes, on the slowest machine. */
const PATIENCE = 60_000;

const programs = {
  keyward: required('KEYWARD_BINARY'),
  'mcp-auth': required('MCP_AUTH_BINARY'),
  'keyward-resource-server': required('KEYWARD_GUARD_BINARY'),
};

/** What `cargo` does where all is built already. */
const CARGO = `#!/bin/sh
case $1 in build | install) exit ;; esac
program=keyward
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  case $1 in --package) program=$2 ;; esac
  shift
done
[ $# -eq 0 ] || shift
exec "$program" "$@"
`;

export class Terminal {
  #lasting;

  /** `visit(address)` does what a person does with an address that a command prints. */
  static async open(visit) {
    const terminal = new Terminal();
    terminal.folder = await mkdtemp(path.join(tmpdir(), 'newcomer-'));
    terminal.visit = visit;
    const paths = [path.join(terminal.folder, 'bin'), path.join(terminal.folder, 'target/release')];
    for (const folder of paths) {
      await mkdir(folder, { recursive: true });
      for (const [name, program] of Object.entries(programs)) await symlink(program, path.join(folder, name));
    }
    const cargo = path.join(paths[0], 'cargo');
    await writeFile(cargo, CARGO);
    await chmod(cargo, 0o755);
    terminal.environment = {
      ...process.env, PATH: `${paths[0]}:${process.env.PATH}`, NO_COLOR: '1',
      MCP_AUTH_CLI_HOME: path.join(terminal.folder, 'home'), DISPLAY: '', WAYLAND_DISPLAY: '',
    };
    return terminal;
  }

  write(file, lines) {
    return writeFile(path.join(this.folder, file), lines.map((line) => `${line}\n`).join(''));
  }

  /** Until the command ended, or `lasts` and has printed what is shown. What it printed, and how it ended. */
  async run(command, { shown, lasts }) {
    if (lasts) await this.interrupt();
    // Standard error of what lasts is its log.
    const words = lasts ? `{ ${command}\n} 2>log` : command;
    const child = spawn('script', ['--quiet', '--return', '--flush', '--command', words, '/dev/null'], {
      cwd: this.folder, env: this.environment, stdio: ['pipe', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolve) => child.on('close', resolve));
    if (lasts) this.#lasting = { child, ended };
    const patience = setTimeout(() => child.kill(), PATIENCE);
    const visits = [];
    const printed = () => stripVTControlCharacters(text).replaceAll('\r\n', '\n');
    let [text, visited] = ['', new Set()];
    const enough = new Promise((resolve) => {
      child.stdout.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
        this.#answer(child, printed(), shown.lines);
        for (const [address] of printed().matchAll(/https?:\S+\/(?:authorize|device|setup)\?\S+(?=\n)/g)) {
          if (visited.has(address)) continue;
          visited.add(address);
          const visit = this.visit(address);
          // It is waited for below, where its failure counts.
          visit.catch(() => {});
          visits.push(visit);
        }
        if (lasts && shown.pattern.test(printed())) resolve();
      });
    });
    const code = await Promise.race([ended, enough]);
    clearTimeout(patience);
    await Promise.all(visits);
    return { printed: printed().replace(/[^\n]$/, '$&\n'), code };
  }

  /** Types what is shown after a question. */
  #answer(child, printed, lines) {
    const asked = printed.slice(printed.lastIndexOf('\n') + 1);
    const answered = asked.endsWith('[y/N] ') && lines.find((line) => line.startsWith(asked) && line.length > asked.length);
    if (answered) child.stdin.write(`${answered.slice(asked.length)}\n`);
  }

  /** Ctrl-C for what lasts. */
  async interrupt() {
    this.#lasting?.child.stdin.write('\x03');
    await this.#lasting?.ended;
    this.#lasting = undefined;
  }

  async close() {
    await this.interrupt();
    await rm(this.folder, { recursive: true, force: true });
  }
}
