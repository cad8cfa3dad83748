import { everybodysBindings, shownByNoRequest } from './exceptions.ts';
import { excerptsVariable, keptRequests } from './excerpts.ts';
import { operatorRoles } from './operator-roles.ts';
import { difference } from './used.ts';

const folder = process.env[excerptsVariable];

describe('the rights of config/default, after the tests on a real cluster', () => {
  const requests = folder === undefined ? [] : keptRequests(folder);

  it(`have left a trace in the folder that ${excerptsVariable} names`, () => {
    expect({ folder, hasRequests: requests.length > 0 }).toEqual({
      folder: expect.any(String),
      hasRequests: true,
    });
  });

  it('were all used, and others neither used nor asked for', () => {
    const exceptions = { shownByNone: shownByNoRequest, everybodysBindings };
    expect(difference(operatorRoles(), requests, exceptions)).toEqual({
      unused: [],
      ungranted: [],
      foreign: [],
      refused: [],
      byPullers: [],
    });
  });
});
