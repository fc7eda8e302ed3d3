package cli

import "github.com/spf13/cobra"

// commands lists the subcommands.
func commands(a *app) []*cobra.Command {
	return []*cobra.Command{
		encodeCommand(a),
		zeroshotCommand(a),
		adaptCommand(a),
		evalCommand(a),
		ttaCommand(a),
		planCommand(a),
		runCommand(a),
		collectCommand(a),
		predictCommand(a),
		serveCommand(a),
		tableCommand(a),
		studyCommand(a),
		recipesCommand(a),
		reportCommand(a),
		chooseCommand(a),
		figureCommand(a),
		runsCommand(a),
		dataCommand(a),
		demoCommand(a),
		calibrateCommand(a),
		conformalCommand(a),
		refereeCommand(a),
		inspectCommand(a),
		convertCommand(a),
		pretrainCommand(a),
		benchCommand(a),
		doctorCommand(a),
		manCommand(a),
	}
}
