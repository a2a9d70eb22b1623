"""Who may report and who may read: tokens, certificates, enrolment, sessions, the gate."""
