/* SPDX-License-Identifier: GPL-2.0 */
/* The agent's jobs; each is one process's whole life and returns its status. */
#ifndef LAB_AGENT_H
#define LAB_AGENT_H

/* session.c: run a command for Dom0, its output goes through xenstore */
int session_run(const char *id, const char *cmd);

/* job.c: commands that outlive the session that started them */
int job_start(const char *tag, const char *cmd);
int job_wait(const char *tag, int seconds);
int job_kill(const char *tag, int sig);

/* hold.c: deliberate leaks */
int hold_grant(int domid);
int hold_port(int domid);

#endif
