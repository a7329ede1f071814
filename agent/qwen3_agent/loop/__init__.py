"""The ReAct loop: model step, then tools, until there is an answer."""
