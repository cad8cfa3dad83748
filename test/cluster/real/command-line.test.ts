import { parse } from './command-line.ts';

describe('the command line of the real cluster', () => {
  it('brings a cluster up where nothing is said', () => {
    expect(parse([])).toEqual({ name: 'up', fakeNodes: 0 });
  });

  it('reads how many nodes are to exist on paper', () => {
    expect(parse(['up', '--fake-nodes', '500'])).toEqual({ name: 'up', fakeNodes: 500 });
    expect(parse(['up', '--fake-nodes=5000'])).toEqual({ name: 'up', fakeNodes: 5000 });
  });

  it.each(['many', '-1', '1.5', '1e3', '', '5001'])('refuses %p nodes on paper', (count) => {
    expect(() => parse(['up', `--fake-nodes=${count}`])).toThrow(
      `--fake-nodes takes a number from 0 to 5000, not "${count}"`,
    );
  });

  it('leaves the words of a command as they are', () => {
    const words = ['npx', 'jest', '--name', 'x'];
    expect(parse(['run', ...words])).toEqual({ name: 'run', cluster: 'e2e', words });
    expect(parse(['enter', ...words])).toEqual({ name: 'enter', words });
  });

  it('runs a command beside the tests under a name', () => {
    const action = { name: 'run', cluster: 'second', words: ['jest'] };
    expect(parse(['run', '--name', 'second', 'jest'])).toEqual(action);
  });

  // A cluster under the name of a person's own would take that one's place.
  it.each(['dev', '', '../x', 'Upper', 'elevenchars'])('refuses the name %p', (name) => {
    expect(() => parse(['run', '--name', name, 'jest'])).toThrow(`got "${name}"`);
  });

  it.each([
    [['sideways'], 'sideways is no command'],
    [['run'], 'run what?'],
    [['run', '--name', 'second'], 'run what?'],
    [['down', 'now'], 'down takes no arguments: now'],
    [['up', 'now'], "Unexpected argument 'now'"],
    [['up', '--nodes', '3'], "Unknown option '--nodes'"],
    [['up', '--fake-nodes'], 'argument missing'],
  ])('explains itself to %j', (args, sentence) => {
    const asked = () => parse(args);
    expect(asked).toThrow(sentence);
    expect(asked).toThrow('Usage:');
  });
});
