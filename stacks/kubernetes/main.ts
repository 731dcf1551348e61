import { App } from 'cdk8s';
import { settings } from '../settings';
import { RunnerConfigChart } from './runner-config-chart';

const app = new App();
new RunnerConfigChart(app, 'tempo-backup', { settings });
app.synth();
