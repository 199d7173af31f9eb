"""What is sent to a service and what comes from it, amended by rules that are data.

places       paths of rules;  conditions  their tests
assembly     a whole reply as events, and events as a whole reply
"""
