/** The command line as the ranks start it. */
import '../../../../src/cli/main.js'
