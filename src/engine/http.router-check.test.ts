import { routerCheckSuite } from "../../tests/suites/router-check.ts";

routerCheckSuite();
