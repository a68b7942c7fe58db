listener "web" {
  bind = ["127.0.0.1:0"]
}
backend "a\u001b[31m" {
  servers = ["127.0.0.1:1"]
}
vhost "x\u202ey" {
  route "line\nbreak" {
    respond {
      status = 200
    }
  }
}
