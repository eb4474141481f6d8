// The entry of action.yml, which is bundled apart from the others: they would delay its start.
import { stop } from './actions/stop.ts';
import { run } from './run.ts';

run(stop);
