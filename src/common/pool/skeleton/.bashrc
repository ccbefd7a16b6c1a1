# SPDX-License-Identifier: GPL-3.0-or-later
case $- in *i*) ;; *) return ;; esac
HISTSIZE=5000
shopt -s checkwinsize histappend
PS1='\[\e[1;32m\]\u\[\e[0m\]:\[\e[1;34m\]\w\[\e[0m\]\$ '
alias ls='ls --color=auto'
alias grep='grep --color=auto'
